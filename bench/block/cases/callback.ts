import { randomUUID } from 'node:crypto';
import { BODY, type Case, fill, HEADER, HOSTILE_JSON } from '../case.ts';

const xml = (content: string) => `<xml>${content}</xml>`;
const event = (fields: string) => `{"MsgType":"event","OpenID":"a",${fields}}`;

const bodies = {
  ...HOSTILE_JSON,
  'XML siblings': xml(fill('<a/>', BODY)),
  'XML siblings with texts': xml(fill('<a>b</a>', BODY)),
  'XML siblings of different names': xml(Array.from({ length: 8000 }, (_, i) => `<a${i}/>`).join('')),
  'deep XML': fill('<a>', BODY),
  'deep XML, again and again': xml(fill('<a><b><c><d><e><f/></e></d></c></b></a>', 63_960)),
  'XML, elements and texts in turn': xml(fill('a<b/>', BODY - 5)),
  'CDATA without an end': `<xml>${fill('<![CDATA[', BODY)}`,
  'CDATA of brackets': `<xml><![CDATA[${fill(']]', BODY)}`,
  'thousands of CDATA': xml(fill('<![CDATA[]]>', BODY - 4)),
  entities: xml(fill('&lt;', BODY)),
  'declarations of XML': fill('<?xml ', BODY),
  'blanks in front of XML': `${fill(' ', BODY)}<`,
  'a name of 64 KB': `<${fill('a', BODY)}`,
  'RevokeInfo of 60 KB': event(`"Event":"user_authorization_revoke","RevokeInfo":"${fill('6,8 ', 60_000)}"`),
  'an openid of 60 KB': `{"MsgType":"event","Event":"user_info_modified","OpenID":"${fill('6', 60_000)}"}`,
  'an event of 60 KB': event(`"Event":"${fill('A', 60_000)}"`),
  'thousands of details': event(
    `"Event":"wxa_media_check","trace_id":"a","version":2,"detail":[${fill('{"prob":[]},', 60_000)}{}]`,
  ),
  'an Encrypt of 60 KB': `{"Encrypt":"${fill('A', 60_000)}"}`,
};
const queries = {
  'a query of equal names': 'a=1&',
  'a query of names alone': 'a&',
  'a query of escapes': '%41',
};

/** What was pushed before is only looked up. */
function unlike(body: string): string {
  const id = randomUUID();
  return body.replace(/^<xml>/, `<xml><Id>${id}</Id>`).replace(/^\{/, `{"Id":"${id}",`);
}

const SAFE = { WX_CALLBACK_AES_KEY: 'kMx4Zt8Qw2Rf7Yp1Lb6Nc3Vg9Hs5Jd0Ta4Ue8Xi2Oz7' };

/** As whoever knows the Token, and as those who do not; in plain text and in the safe mode. */
export const callback: Case[] = [
  ...Object.entries(bodies).flatMap(([name, body]) =>
    [undefined, SAFE].map(
      (settings): Case => ({
        route: 'POST /api/wechat/callback',
        name: settings ? `${name}, in the safe mode` : name,
        ...(settings && { settings }),
        request: ({ signed }) => ({
          method: 'POST',
          path: `/api/wechat/callback?${signed()}`,
          body: unlike(body),
        }),
      }),
    ),
  ),
  ...Object.entries(queries).map(([name, part]) => ({
    route: 'GET /api/wechat/callback',
    name,
    request: () => ({ path: `/api/wechat/callback?${fill(part, HEADER)}` }),
  })),
  {
    route: 'GET /api/wechat/callback',
    name: 'an echostr of 15 KB',
    request: ({ signed }) => ({ path: `/api/wechat/callback?${signed()}&echostr=${fill('a', HEADER)}` }),
  },
];
