import { describe, expect, test } from 'vitest';
import { openMessage } from '../src/handlers/open-message.ts';
import { handleEvent } from '../src/handlers/wechat-events.ts';
import { decryptMessage, isSigned } from '../src/wechat/message-crypto.ts';
import { type MediaCheck, readMessage } from '../src/wechat/messages.ts';
import { parseXml } from '../src/wechat/xml.ts';
import { MEDIA_CHECK_JSON, MEDIA_CHECK_XML, OFFICIAL, SDK_EXAMPLE } from './fixtures/message-push.ts';
import { nowInSeconds, sha1 } from './support/push.ts';

test('WeChat’s examples of signatures hold, and nothing near them', () => {
  const { token, check, plain, safe } = OFFICIAL;
  for (const { timestamp, nonce, signature } of [check, plain, safe]) {
    expect(isSigned([token, timestamp, nonce], signature)).toBe(true);
    expect(isSigned([nonce, token, timestamp], signature)).toBe(true);
    expect(isSigned([token, timestamp, `${nonce}0`], signature)).toBe(false);
    expect(isSigned([token, timestamp, nonce], signature.slice(0, -2))).toBe(false);
    expect(isSigned([token, timestamp, nonce], '')).toBe(false);
  }
  expect(isSigned([token, safe.timestamp, safe.nonce, safe.encrypted], safe.msgSignature)).toBe(true);
  expect(isSigned([token, safe.timestamp, safe.nonce], safe.msgSignature)).toBe(false);
});

test('WeChat’s example of the safe mode decrypts to the text it says', () => {
  const { aesKey, appid, safe } = OFFICIAL;
  expect(decryptMessage(safe.encrypted, aesKey)).toEqual({ text: safe.text, appid });
  expect(readMessage(safe.text)).toMatchObject({ type: 'event', event: 'debug_demo' });
  expect(readMessage(safe.text.replace('"event"', '"Event"'))?.type).toBe('event'); // as the tables spell it
});

test('the example of WeChat’s own code decrypts, and its XML is read', () => {
  const { token, aesKey, appid, timestamp, nonce, msgSignature, encrypted, message } = SDK_EXAMPLE;
  expect(isSigned([token, timestamp, nonce, encrypted], msgSignature)).toBe(true);
  const opened = decryptMessage(encrypted, aesKey);
  expect(opened?.appid).toBe(appid);
  expect(parseXml(opened?.text ?? '')).toEqual(message);
});

test('XML: elements, CDATA, text, entities, brothers', () => {
  const xml = `<?xml version="1.0"?><xml><a> 1 &lt;&amp;&gt;&quot;&apos; </a><b><![CDATA[<&x;>]]]]><![CDATA[>]]></b>
    <c><d>1</d><d/><d><e>2</e></d></c></xml>`;
  expect(parseXml(xml)).toEqual({ a: `1 <&>"'`, b: '<&x;>]]>', c: { d: ['1', '', { e: '2' }] } });
});

test.each([
  ['XML', MEDIA_CHECK_XML, '01234567-89abcdef-00000001', 'wx0123456789abcdef'],
  ['JSON', MEDIA_CHECK_JSON, '01234567-89abcdef-00000002', 'wx0123456789abcdef'],
])(
  'wxa_media_check in %s, as WeChat sends it, is told in one form',
  async (_name, source, trace_id, appid) => {
    const message = readMessage(source);
    expect(message).toMatchObject({ type: 'event', event: 'wxa_media_check', appid });
    const told: MediaCheck[] = [];
    const needs = { mediaChecked: async (check: MediaCheck) => void told.push(check) };
    expect(await handle(message?.fields, needs)).toEqual({ outcome: 'handled' });
    const verdict = { suggest: 'pass', label: 100 };
    expect(told).toEqual([
      {
        trace_id,
        version: 2,
        errcode: 0,
        result: verdict,
        detail: [{ strategy: 'content_model', errcode: 0, ...verdict, prob: 90 }],
      },
    ]);
  },
);

test.each([
  ['a check that failed has no result', { trace_id: 't', version: 2, errcode: -1008, detail: '' }, 'handled'],
  ['version 1 has another form', { trace_id: 't', isrisky: 0, status_code: 0, detail: [] }, 'unusable'],
  [
    'a verdict that is none',
    { trace_id: 't', version: 2, result: { suggest: 'maybe', label: 1 } },
    'unusable',
  ],
])('wxa_media_check: %s', async (_name, fields, outcome) => {
  expect(await handle(fields)).toEqual({ outcome });
});

function handle(fields: object = {}, more: object = {}) {
  const never = () => Promise.reject(new Error('not asked for'));
  const needs = { users: { findByOpenid: never }, sessions: {}, ...more } as never;
  const event = 'wxa_media_check';
  const message = { type: 'event', event, appid: undefined, encrypted: undefined, fields };
  const opened = { message, appid: 'wx0123456789abcdef', text: '', signature: '', signedAt: 0 };
  return handleEvent(opened, needs);
}

describe('a body that a parser of the app has read', () => {
  const timestamp = nowInSeconds();
  const query = { timestamp: String(timestamp), nonce: '1', signature: sha1('x', String(timestamp), '1') };
  const open = (body: unknown) =>
    openMessage(query, body, {
      appids: ['wx0123456789abcdef'],
      callback: { token: 'x', aesKey: undefined },
      now: () => new Date(timestamp * 1000),
    });

  test.each([
    ['JSON', { MsgType: 'event', Event: 'a' }],
    ['JSON with long numbers', { MsgType: 'event', Event: 'a', MsgId: 23637352235060880n }],
    ['bytes', Buffer.from('{"MsgType":"event","Event":"a"}')],
  ])('is understood: %s', (_name, body) => {
    expect(open(body).message).toMatchObject({ type: 'event', event: 'a' });
  });

  test.each([
    ['nothing', {}],
    ['a form', { '<xml><MsgType>event</MsgType></xml>': '' }],
    ['XML of another parser', { xml: { MsgType: ['event'] } }],
    ['null', null],
    ['a list', [{ MsgType: 'event' }]],
  ])('is refused, and the log says what to do: %s', (_name, body) => {
    const reason = expect.stringContaining('mount callbackRoutes before the body parsers');
    expect(() => open(body)).toThrow(expect.objectContaining({ code: 'callback_unreadable', reason }));
  });
});
