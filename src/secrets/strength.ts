import { createRequire } from 'node:module';
import type { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { digestFinder } from './digests.ts';
import { PUBLISHED_SECRETS } from './published.ts';

/** What people make secrets of, besides the words and passwords that zxcvbn's own lists have. */
const WORDS =
  'the of and or for to me my our your this that is are it in on at as by be not all one two more least very long same ' +
  'other another before after here would nobody should must can change changeme replace paste put enter set secret ' +
  'secrets key keys token jwt password passwd auth aes hmac hash salt sign signing signature encrypt encoding encoded ' +
  'base64 hex string bytes bits byte random secure strong private public api app backend server client service ' +
  'production development staging test tests demo example sample default prints openssl keygen generate generated ' +
  'session root admin super user users login wechat weixin weapp wxapp wx mini program miniprogram callback message push company ' +
  'instance instances command commands database mysql redis weapplogin mima miyao xiaochengxu gongsi ceshi denglu yonghu ' +
  'some any laravel django flask rails spring symfony express nest nestjs next nextauth node docker tencent alibaba ' +
  'deadbeef cafebabe badf00d baadf00d feedface deadc0de c0ffee';

/** Random text costs zxcvbn's attacker ten guesses a character, and a little less where it has a word by chance. */
const PER_CHARACTER = 0.75;
const SLACK = 2;
/** How much zxcvbn is shown: its time grows faster than the text. */
const SHOWN = 48;
/** The passwords, most common first, whose digests are known too. */
const DIGESTED = 1000;

const REASONS: Readonly<Record<string, string>> = {
  repeat: 'repeats itself',
  sequence: 'is a sequence, such as the alphabet',
  spatial: 'is a row of the keyboard',
  date: 'is made of dates',
};

interface Judge {
  readonly estimator: ZxcvbnFactory;
  readonly hasDigest: (text: string) => boolean;
}

let judge: Judge | undefined;

/** Why a text can be guessed, or nothing. */
export function guessable(text: string): string | undefined {
  judge ??= load();
  if (judge.hasDigest(text)) return 'is a digest of a common word';
  const shown = text.length > SHOWN ? text.slice(0, SHOWN / 2) + text.slice(-SHOWN / 2) : text;
  const parts = judge.estimator.check(shown).sequence;
  // Not zxcvbn's total: it also counts the ways to put the parts together, which makes any sentence strong.
  const digits = parts.reduce((sum, part) => sum + guessesOf(part), 0);
  if (digits >= PER_CHARACTER * shown.length - SLACK) return undefined;
  const longest = parts
    .filter(({ pattern }) => pattern !== 'bruteforce')
    .toSorted((a, b) => b.token.length - a.token.length)[0];
  return REASONS[longest?.pattern ?? ''] ?? 'is made of words or numbers that can be guessed';
}

/** As a power of ten. Every part has it; zxcvbn's types do not say so. */
function guessesOf(part: object): number {
  return 'guessesLog10' in part && typeof part.guessesLog10 === 'number' ? part.guessesLog10 : 0;
}

/** Loaded with the first secret: a server that has none, as in the sandbox, does without these 23 MB. */
function load(): Judge {
  const require = createRequire(import.meta.url);
  const zxcvbn = require('@zxcvbn-ts/core') as typeof import('@zxcvbn-ts/core');
  const common = require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
  const words = WORDS.split(' ');
  const passwords = common.dictionary['passwords-common'].slice(0, DIGESTED);
  return {
    estimator: new zxcvbn.ZxcvbnFactory({
      dictionary: { ...common.dictionary, words },
      graphs: common.adjacencyGraphs,
      maxLength: SHOWN,
      l33tMaxSubstitutions: 4, // of the usual 100, a secret in hex takes ten times as long
    }),
    hasDigest: digestFinder(['', ...words, ...passwords.map(String), ...PUBLISHED_SECRETS]),
  };
}
