import { describe, expect, test } from 'vitest';
import { catalogue, type ErrorCode, type Retry } from '../src/errors.ts';
import { endpoints } from '../src/sandbox/endpoints/table.ts';
import type { EndpointName } from '../src/sandbox/faults.ts';
import { Refusal } from '../src/sandbox/refusals.ts';
import { meaningOf } from '../src/wechat/refusals.ts';
import { meet, termsOf, wellMeant } from './support/contract.ts';
import { contract, type Row, well } from './support/contract-table.ts';
import { failureOf } from './support/failure.ts';
import { keepSecret } from './support/no-secrets.ts';
import type { TestSandbox } from './support/sandbox.ts';

/** What a client does next, by the code that the contract names; the catalogue must agree. */
const RETRY: Partial<Record<ErrorCode, Retry>> = {
  wechat_code_invalid: 'login',
  wechat_code_used: 'login',
  wechat_session_over: 'login',
  wechat_user_inactive: 'login',
  wechat_user_blocked: 'never',
  login_code_expected: 'never',
  phone_code_expected: 'never',
  phone_code_invalid: 'never',
  wechat_misconfigured: 'never',
  wechat_rate_limited: 'later',
  wechat_unavailable: 'later',
};

/** What the endpoint answered to the last call. */
async function lastAnswer(sandbox: TestSandbox, endpoint: EndpointName) {
  const { last } = (await sandbox.ask('GET', '/control/calls')).body;
  return last.find((call: { endpoint: string }) => call.endpoint === endpoint)?.answer;
}

const nameOf = ({ source, errcode, situation }: Row) =>
  `${source}: ${errcode === undefined ? '' : `${errcode}, `}${situation}`;

describe.each(endpoints.map(({ name }) => name))('%s', (name) => {
  const rows = contract.filter(({ endpoint }) => endpoint === name);

  test.each(rows.map((row) => [nameOf(row), row] as const))('%s', async (_name, row) => {
    const { errcode = 0, asked = 1, terms = termsOf(name), fails } = row;
    const { arrange = () => undefined, call = wellMeant[name], gives = well[name] } = row;
    const meeting = await meet(terms);
    const { sandbox } = meeting;
    sandbox.user('Ada', { phone: '12066600001' });
    keepSecret('12066600001');
    await arrange(meeting);
    const before = sandbox.count(name);
    const outcome = fails ? await failureOf(call(meeting)) : await call(meeting);
    expect(sandbox.count(name) - before).toBe(asked);
    const answer = asked > 0 ? await lastAnswer(sandbox, name) : { errcode };
    expect(answer.errcode ?? 0).toBe(errcode);

    if (!fails) return expect(outcome).toEqual(await gives(meeting));
    const [code, reason] = fails;
    expect(outcome).toMatchObject({ code, reason: expect.stringMatching(reason) });
    expect(outcome).toHaveProperty('retryAfter', { 45009: 3600, 45011: 60 }[errcode]);
    expect(catalogue[code].retry).toBe(RETRY[code]);
    // What WeChat said goes into the log, with the id that its support asks for.
    const rid = /rid: [0-9a-f-]{26}$/.exec(answer.errmsg ?? '')?.[0];
    if (errcode !== 0) {
      expect(outcome).toHaveProperty('reason', expect.stringContaining(`WeChat answered ${errcode} (`));
      expect(outcome).toHaveProperty('reason', expect.stringContaining(`${rid})`));
    }
  });
});

const has = (endpoint: EndpointName, errcode: number) =>
  contract.some((row) => row.endpoint === endpoint && (row.errcode ?? 0) === errcode);

/** What WeChat's facts name for each endpoint. */
const facts: Readonly<Record<EndpointName, readonly number[]>> = {
  jscode2session: [-1, 40013, 40029, 40125, 40163, 40226, 41002, 41004, 41008, 45011],
  stable_token: [-1, 40013, 40125, 40164, 40243, 41002, 41004, 45009, 45011],
  token: [-1, 40013, 40125, 40164, 40243, 41002, 41004, 45009, 45011],
  getuserphonenumber: [-1, 40001, 40013, 40014, 40029, 42001, 45011],
  checkencryptedmsg: [1, 40001, 40014, 40097, 42001],
  checksession: [40001, 40014, 42001, 87009],
  resetusersessionkey: [40001, 40014, 42001, 87007, 87008, 87009],
  msg_sec_check: [40001, 40014, 42001, 61010],
  media_check_async: [40001, 40014, 42001],
};

describe('the contract leaves out', () => {
  const numbers = [-1, ...Array.from({ length: 60_000 }, (_, i) => 40_000 + i)];
  const isKnown = (path: string, errcode: number) =>
    meaningOf(path, errcode).hint !== 'an errcode we do not know';

  test.each(endpoints)('nothing of $name', ({ name, path }) => {
    expect(has(name, 0)).toBe(true);
    expect(facts[name].filter((errcode) => !has(name, errcode))).toEqual([]);
    // What the client understands otherwise here than elsewhere.
    const own = numbers.filter(
      (errcode) => JSON.stringify(meaningOf(path, errcode)) !== JSON.stringify(meaningOf('', errcode)),
    );
    expect(own.filter((errcode) => !has(name, errcode))).toEqual([]);
  });

  const named = new Set(contract.map(({ errcode }) => errcode));

  test('no errcode that the client knows', () => {
    const known = numbers.filter((errcode) => endpoints.some(({ path }) => isKnown(path, errcode)));
    expect(known.length).toBeGreaterThan(20);
    expect(known.filter((errcode) => !named.has(errcode))).toEqual([]);
  });

  test('no errcode that the sandbox has a text for', () => {
    const said = numbers.filter((errcode) => new Refusal(errcode).message !== 'error');
    expect(said.length).toBeGreaterThan(20);
    expect(said.filter((errcode) => !named.has(errcode))).toEqual([]);
  });
});
