import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createPrivateFile } from '../private-files.ts';
import { UsageError } from './usage-error.ts';

const makers = new Map<string, () => { privateKey: KeyObject }>([
  ['es256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['rs256', () => generateKeyPairSync('rsa', { modulusLength: 3072 })],
]);

/**
 * `weapp-login keygen`: a line for .env with a new secret; `keygen callback`: the two of the message push; `keygen es256 <file>` or `keygen rs256 <file>`: a private key
 * in a new file, and the lines for .env that name it.
 */
export async function keygenCommand(args: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  if (positionals.length === 0) return say(`JWT_SECRET=${randomBytes(48).toString('base64')}`);
  if (positionals.join(' ') === 'callback') {
    say(`WX_CALLBACK_TOKEN=${lettersAndDigits(32)}`);
    return say(`WX_CALLBACK_AES_KEY=${lettersAndDigits(43)}`);
  }
  const [algorithm = '', file, ...more] = positionals;
  const make = makers.get(algorithm);
  if (!make || !file || more.length > 0) {
    throw new UsageError(
      'usage: weapp-login keygen (a secret), keygen callback (a Token and an AES key), or keygen es256|rs256 <file> (a private key)',
    );
  }
  write(file, make().privateKey.export({ type: 'pkcs8', format: 'pem' }));
  say('# To rotate, make another file, name it here, and move this one to JWT_PREVIOUS_KEY_FILES.');
  say(`JWT_PRIVATE_KEY_FILE=${file}`);
}

/** WeChat takes no other characters. */
function lettersAndDigits(length: number): string {
  const text = randomBytes(2 * length).toString('base64');
  return text.replace(/[^A-Za-z0-9]/g, '').slice(0, length);
}

function write(file: string, pem: string | Buffer): void {
  try {
    createPrivateFile(file, pem.toString());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(`${file} is there already: name a new file`);
    throw new UsageError(`${file} cannot be written (${code}): is its folder there?`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
