import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import type { S3Address } from '../avatar-store-url.ts';
import { AppError } from '../errors.ts';
import { PICTURE_HEADERS } from './picture.ts';
import type { AvatarStore } from './store.ts';

/** S3's names for "come back later"; without one the status tells. */
const LATER = /^(?:SlowDown|ServiceUnavailable|InternalError|RequestTimeout|OperationAborted)$/;

interface Answer {
  readonly status: number;
  /** S3's name for what went wrong; empty for a success. */
  readonly code: string;
  readonly body: Buffer;
}

/**
 * Pictures as objects of a bucket.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function createS3Store(address: S3Address): AvatarStore {
  const { keyId, secret, region, objects, publicUrl, timeoutMs } = address;
  const client = new AwsClient({
    accessKeyId: keyId,
    secretAccessKey: secret,
    region,
    service: 's3',
    retries: 1,
  });

  return {
    base: publicUrl,
    servedHere: false,

    async put(name, picture) {
      // Its hash is signed too, so that the store refuses what was changed on the way.
      const hash = createHash('sha256').update(picture).digest('hex');
      const headers = { ...PICTURE_HEADERS, 'X-Amz-Content-Sha256': hash };
      refuse(await call('PUT', name, { body: new Uint8Array(picture), headers }));
    },

    async get(name) {
      const answer = await call('GET', name);
      // To whom may not list the bucket, S3 does not say that an object is missing.
      if (answer.status === 404 ? answer.code !== 'NoSuchBucket' : answer.code === 'AccessDenied') {
        return undefined;
      }
      return refuse(answer).body;
    },

    remove: async (name) => void refuse(await call('DELETE', name)),
  };

  async function call(method: string, name: string, init: RequestInit = {}): Promise<Answer> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await client.fetch(`${objects}/${name}`, {
        method,
        signal,
        redirect: 'manual',
        ...init,
      });
      const body = Buffer.from(await response.arrayBuffer());
      const code = response.ok ? '' : (/<Code>(\w{1,64})<\/Code>/.exec(body.toString())?.[1] ?? 'no code');
      return { status: response.status, code, body };
    } catch (error) {
      const { name: what, cause } = error as Error;
      const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? what;
      throw new AppError('storage_unavailable', {
        reason: `${reason}: ${method} to the store of AVATAR_STORE`,
      });
    }
  }
}

function refuse(answer: Answer): Answer {
  const { status, code } = answer;
  if (code === '') return answer;
  const later = status >= 500 || status === 429 || LATER.test(code);
  throw new AppError(later ? 'storage_unavailable' : 'storage_misconfigured', {
    reason: `the store answered ${status} ${code}: see AVATAR_STORE`,
  });
}
