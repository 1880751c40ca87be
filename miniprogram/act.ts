import { SessionError } from './session/index.js';

/** What a page says of a failure. */
export interface Failure {
  readonly messages: string;
  /** To be looked for in the server's log. */
  readonly requestId: string;
}

interface Showing {
  setData(data: { busy?: boolean; failure?: Failure | null }): void;
}

/** Loads what a page shows; where that fails, the page says so. */
export async function load(page: Showing, work: () => Promise<void>): Promise<void> {
  page.setData({ failure: null });
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    const { messages, issues, requestId } = error;
    const details = issues.map(({ message }) => message).join('；');
    page.setData({ failure: { messages: details || messages, requestId } });
  }
}

/** Does one thing at a time, such as what a tap began: `work` is called in the tap itself. */
export async function act(
  page: Showing & { data: { busy: boolean } },
  work: () => Promise<void>,
): Promise<void> {
  if (page.data.busy) return;
  page.setData({ busy: true });
  try {
    await load(page, work);
  } finally {
    page.setData({ busy: false });
  }
}

/** A failure that the server knows nothing of. */
export function failure(messages: string): { failure: Failure } {
  return { failure: { messages, requestId: '' } };
}

/** Asks before what cannot be taken back. */
export async function confirmed(title: string, content: string, confirmText: string): Promise<boolean> {
  const { confirm } = await wx.showModal({ title, content, confirmText, confirmColor: '#fa5151' });
  return confirm;
}
