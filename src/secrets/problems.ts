import { type Given, weaknessOf } from './weakness.ts';

interface Secret extends Given {
  /** The setting, and which of its values. */
  readonly place: string;
  readonly least: number;
  /** What makes a good one. */
  readonly keygen: string;
}

const JWT = { least: 32, keygen: 'npx weapp-login keygen' };
/** WeChat takes no Token of more than 32 characters. */
const CALLBACK = { least: 16, keygen: 'npx weapp-login keygen callback' };

/**
 * What is wrong with the secrets among the settings, by name; never a value. Of two that are the same, the later one is named.
 * @param given settings that are well-formed
 */
export function secretProblems(given: Readonly<Record<string, string>>): string[] {
  const secrets = secretsOf(given);
  const names = new Set(secrets.map(({ name }) => name));
  const others = Object.entries(given)
    .filter(([name]) => !names.has(name))
    .map(([name, value]) => ({ name, value }));
  return secrets.flatMap(({ place, value, least, keygen }, i) => {
    const weakness = weaknessOf(value, least, [...others, ...secrets.slice(0, i)]);
    return weakness === undefined ? [] : [`${place} ${weakness}: make one with \`${keygen}\``];
  });
}

function secretsOf(given: Readonly<Record<string, string>>): Secret[] {
  const { JWT_SECRET, JWT_PREVIOUS_SECRETS, WX_CALLBACK_TOKEN, WX_CALLBACK_AES_KEY } = given;
  const previous = (JWT_PREVIOUS_SECRETS?.split(',') ?? []).map((value, i) => ({
    ...{ name: 'JWT_PREVIOUS_SECRETS', place: `JWT_PREVIOUS_SECRETS (number ${i + 1})` },
    ...{ value: value.trim(), ...JWT },
  }));
  return [
    ...one('JWT_SECRET', JWT_SECRET, JWT),
    ...previous,
    ...one('WX_CALLBACK_TOKEN', WX_CALLBACK_TOKEN, CALLBACK),
    ...one('WX_CALLBACK_AES_KEY', WX_CALLBACK_AES_KEY, CALLBACK),
  ];
}

function one(name: string, value: string | undefined, kind: typeof JWT): Secret[] {
  return value === undefined ? [] : [{ name, place: name, value, ...kind }];
}
