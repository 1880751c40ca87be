import { ask, portrait } from './dialogs.ts';
import { keepFile, urlOf } from './files.ts';
import { element } from './frame.ts';
import { person } from './person.ts';
import { say, who } from './phone.ts';
import { askSandbox } from './sandbox.ts';

/** What a button of WeChat's own does: asks the user, then gives the page an event with this detail. */
export interface OpenType {
  readonly event: string;
  /** Undefined where the page hears nothing. */
  run(): Promise<object | undefined>;
}

/** Those that the preview has, by their names. */
export const OPEN_TYPES: Readonly<Record<string, OpenType>> = {
  chooseAvatar: { event: 'chooseavatar', run: chooseAvatar },
  getPhoneNumber: { event: 'getphonenumber', run: getPhoneNumber },
};

/** WeChat's picture of the user, or a file; a page hears nothing of a user who leaves. */
async function chooseAvatar(): Promise<object | undefined> {
  const { avatarUrl } = await person();
  const from = await ask({
    form: 'sheet',
    title: '选择头像',
    picture: portrait(avatarUrl),
    choices: [
      { text: '用微信头像', value: 'wechat' },
      { text: '从相册选择', value: 'album' },
      { text: '取消', value: 'cancel' },
    ],
    otherwise: 'cancel',
  });
  const picture =
    from === 'wechat' ? await drawn(urlOf(avatarUrl)) : from === 'album' ? await fromAlbum() : undefined;
  if (!picture) return undefined;
  const detail = { avatarUrl: keepFile(picture) };
  say({ kind: 'call', title: 'open-type="chooseAvatar"', result: 'ok', shown: detail });
  return detail;
}

async function getPhoneNumber(): Promise<object> {
  const { phone } = await person();
  const allowed = await ask({
    form: 'sheet',
    title: '申请获取并验证你的手机号',
    content: phone,
    choices: [
      { text: '不允许', value: false },
      { text: '允许', value: true, isPrimary: true },
    ],
    otherwise: false,
  });
  const detail = allowed
    ? await askSandbox<{ errMsg: string }>('POST', '/wx/getPhoneNumber', { user: who.user })
    : { errMsg: 'getPhoneNumber:fail user deny' };
  say({
    kind: 'call',
    title: 'open-type="getPhoneNumber"',
    result: detail.errMsg.replace(/^\w+:/, ''),
    shown: detail,
  });
  return detail;
}

function fromAlbum(): Promise<Blob | undefined> {
  const input = element('input', '');
  input.type = 'file';
  input.accept = 'image/*';
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(input.files?.[0]));
    input.addEventListener('cancel', () => resolve(undefined));
    input.click();
  });
}

/** WeChat's picture as a file of pixels: the local WeChat has drawings. */
async function drawn(url: string): Promise<Blob | undefined> {
  const picture = new Image(640, 640);
  picture.src = url;
  await picture.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 640;
  canvas.getContext('2d')?.drawImage(picture, 0, 0, 640, 640);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? undefined), 'image/png'));
}
