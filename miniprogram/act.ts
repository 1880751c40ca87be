import { SessionError } from './session/index.js';

/** What a page says of a failure. */
export interface Failure {
  readonly messages: string;
  /** To be looked for in the server's log. */
  readonly requestId: string;
}

interface Acting {
  readonly data: { readonly busy: boolean };
  setData(data: { busy?: boolean; failure?: Failure | null }): void;
}

/** Does what a tap began, one at a time: `work` is called in the tap itself. The page shows its failure. */
export async function act(page: Acting, work: () => Promise<void>): Promise<void> {
  if (page.data.busy) return;
  page.setData({ busy: true, failure: null });
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    const { messages, issues, requestId } = error;
    const details = issues.map(({ message }) => message).join('；');
    page.setData({ failure: { messages: details || messages, requestId } });
  } finally {
    page.setData({ busy: false });
  }
}

/** Asks before what cannot be taken back. */
export async function confirmed(title: string, content: string, confirmText: string): Promise<boolean> {
  const { confirm } = await wx.showModal({ title, content, confirmText, confirmColor: '#fa5151' });
  return confirm;
}
