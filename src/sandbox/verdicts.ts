/** What content security finds: `result` sums `detail` up. */
export interface Verdict {
  readonly result: { readonly suggest: Suggest; readonly label: number };
  readonly detail: readonly object[];
}

type Suggest = 'pass' | 'review' | 'risky';

/** Samples of WeChat's documents that its own service found risky. */
const SAMPLES = ['特3456书yuuo莞6543李zxcz蒜7782法fgnv级', '完2347全dfji试3726测asad感3847知qwez到'];

/**
 * Our choice of what is found, since nobody wants real bad words in tests: `test-risky` or one of WeChat's own samples is risky,
 * `test-review` wants a person's eye; `test-risky-20002` and `test-review-20002` set the label too. It may stand anywhere, in the URL of a picture as well.
 */
export function judge(...texts: readonly string[]): Verdict {
  const text = texts.join('\n');
  const found = /test-(?<suggest>risky|review)(?:-(?<label>\d{3,5}))?/.exec(text)?.groups;
  if (found) return verdict(found['suggest'] as Suggest, Number(found['label'] ?? 21_000));
  return SAMPLES.some((sample) => text.includes(sample)) ? verdict('risky', 21_000) : verdict('pass', 100);
}

function verdict(suggest: Suggest, label: number): Verdict {
  return {
    result: { suggest, label },
    detail: [{ strategy: 'content_model', errcode: 0, suggest, label, prob: 90 }],
  };
}
