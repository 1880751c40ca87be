import {
  type Attacker,
  BODY,
  type Case,
  fill,
  formBodies,
  HEADER,
  HOSTILE_JSON,
  jsonBodies,
  manyKeys,
  nested,
} from '../case.ts';

const forms = {
  '1,000 equal keys': fill('a=1&', 4000),
  'one key of 64 KB': fill('a', BODY),
  'brackets of 64 KB': fill('[', BODY),
  'escaped brackets': `${fill('%5B%5D', BODY)}=1`,
  'escapes of 64 KB': fill('%41', BODY),
  '50 long values': fill(`a=${'b'.repeat(1270)}&`, BODY),
};

/** What stands beside a good code. */
const beside = {
  'rawData as lists in one another': `"rawData":{"a":${nested('[', 30_000)}}`,
  'rawData as objects in one another': `"rawData":${nested('{"a":', 10_000)}`,
  'rawData with thousands of names': `"rawData":${manyKeys(6500)}`,
  'rawData as a list': `"rawData":[${fill('1,', 60_000)}1]`,
  'rawData, a text of lists in one another': `"rawData":"${nested('[', 8000)}"`,
  'rawData, a text of objects in one another': `"rawData":${JSON.stringify(nested('{"a":', 2000))}`,
  'rawData and userInfo': `"rawData":${manyKeys(3000)},"userInfo":${manyKeys(3000)}`,
  'a name of 60 KB': `"rawData":{"nickName":"${fill('e\u0301', 20_000)}"}`,
  'a name of blanks': `"rawData":{"nickName":"a${fill(' ', 60_000)}a"}`,
  'a name of emoji': `"rawData":{"nickName":"${fill('😀', 30_000)}"}`,
  'an avatar of 60 KB': `"rawData":{"avatarUrl":"https://${fill('a.', 60_000)}"}`,
  'encryptedData of 16 KB': `"encryptedData":"${fill('A', 16_380)}","iv":"${fill('A', 22)}=="`,
};

const headers = {
  'a User-Agent of 15 KB': { 'User-Agent': fill('Android 1; a', HEADER) },
  'a User-Agent of digits': { 'User-Agent': `Android ${fill('1', HEADER)}` },
  'a Referer of 15 KB': { Referer: `https://servicewechat.com/${fill('wx0', HEADER)}` },
};

async function post(attacker: Attacker, fields: string, more: Record<string, string> = {}) {
  const body = `{"code":"${await attacker.code()}"${fields && `,${fields}`}}`;
  return {
    method: 'POST',
    path: '/api/wxuser',
    headers: { 'Content-Type': 'application/json', ...more },
    body,
  };
}

const route = 'POST /api/wxuser';
export const login: Case[] = [
  ...jsonBodies(route, {
    ...HOSTILE_JSON,
    'a code of lists in one another': `{"code":${nested('[', 30_000)}}`,
    'a code of 64 KB': `{"code":"${fill('a', BODY)}"}`,
    'a code of blanks': `{"code":"a${fill(' ', 63_900)}a"}`,
  }),
  ...formBodies(route, forms),
  { route, name: 'nothing hostile', request: (attacker) => post(attacker, '') },
  ...Object.entries(beside).map(([name, fields]) => ({
    route,
    name,
    request: (attacker: Attacker) => post(attacker, fields),
  })),
  ...Object.entries(headers).map(([name, more]) => ({
    route,
    name,
    request: (attacker: Attacker) => post(attacker, '', more),
  })),
  ...jsonBodies('POST /user/wechatlogin', HOSTILE_JSON),
  ...formBodies('POST /user/wechatlogin', forms),
];
