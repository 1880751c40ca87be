import { ask, hideToast, showToast } from '../dialogs.ts';
import type { Pages } from '../pages.ts';
import { storage } from '../storage.ts';
import { account } from './account.ts';
import { api } from './api.ts';
import { request, uploadFile } from './network.ts';

interface Modal {
  readonly title?: string;
  readonly content?: string;
  readonly showCancel?: boolean;
  readonly cancelText?: string;
  readonly confirmText?: string;
  readonly confirmColor?: string;
}

interface Toast {
  readonly title?: string;
  readonly icon?: 'success' | 'error' | 'loading' | 'none';
  readonly duration?: number;
}

const TOAST_MS = 1500;
/** Until it is hidden. */
const LOADING_MS = 2 ** 31 - 1;

/** The mini program's `wx`. What the preview does not have is an error by its name, and not undefined. */
export function createWx(pages: Pages): object {
  const functions = {
    ...account,
    request,
    uploadFile,

    getStorageSync: storage.get,
    setStorageSync: storage.set,
    removeStorageSync: storage.remove,

    showModal: api('showModal', showModal),
    showToast: api('showToast', ({ title = '', icon = 'success', duration = TOAST_MS }: Toast) =>
      showToast(title, icon, duration),
    ),
    hideToast: api('hideToast', hideToast),
    showLoading: api('showLoading', ({ title = '' }: Toast) => showToast(title, 'loading', LOADING_MS)),
    hideLoading: api('hideLoading', hideToast),

    navigateTo: api('navigateTo', ({ url }: { url: string }) => pages.open(url)),
    redirectTo: api('redirectTo', ({ url }: { url: string }) => pages.replace(url)),
    reLaunch: api('reLaunch', ({ url }: { url: string }) => pages.restart(url)),
    navigateBack: api('navigateBack', ({ delta = 1 }: { delta?: number }) => pages.back(delta)),
  };
  return new Proxy(functions, {
    get(target, name) {
      if (name in target || typeof name === 'symbol') return Reflect.get(target, name);
      throw new Error(`the preview has no wx.${name}`);
    },
  });
}

async function showModal(modal: Modal): Promise<{ confirm: boolean; cancel: boolean }> {
  const {
    title = '',
    content = '',
    showCancel = true,
    cancelText = '取消',
    confirmText = '确定',
    confirmColor,
  } = modal;
  const confirm = await ask({
    form: 'modal',
    title,
    content,
    choices: [
      ...(showCancel ? [{ text: cancelText, value: false }] : []),
      { text: confirmText, value: true, isPrimary: true, color: confirmColor },
    ],
    otherwise: false,
  });
  return { confirm, cancel: !confirm };
}
