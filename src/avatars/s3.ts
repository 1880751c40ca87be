import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import type { S3Address } from '../avatar-store-url.ts';
import { AppError } from '../errors.ts';
import { createClient, isOfProxy } from '../outbound/client.ts';
import { refusedByProxy, whyUnreached } from '../outbound/failure.ts';
import { PICTURE_HEADERS } from './picture.ts';
import type { AvatarStore } from './store.ts';

/** S3's names for "come back later"; without one the status tells. */
const LATER = /^(?:SlowDown|ServiceUnavailable|InternalError|RequestTimeout|OperationAborted)$/;

/** Asked once more: there may be a place again. */
const LATER_STATUS = /^(?:5\d\d|429)$/;

interface Sent {
  readonly headers?: Record<string, string>;
  readonly data?: Buffer;
}

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
  const { keyId, secret, region, objects, publicUrl, timeoutMs, proxy } = address;
  const signer = new AwsClient({ accessKeyId: keyId, secretAccessKey: secret, region, service: 's3' });
  const client = createClient(proxy, { responseType: 'arraybuffer' });

  return {
    base: publicUrl,
    servedHere: false,

    async put(name, picture) {
      // Its hash is signed too, so that the store refuses what was changed on the way.
      const hash = createHash('sha256').update(picture).digest('hex');
      const headers = { ...PICTURE_HEADERS, 'X-Amz-Content-Sha256': hash };
      refuse(await call('PUT', name, { data: picture, headers }));
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

  async function call(method: string, name: string, sent: Sent = {}): Promise<Answer> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await ask(method, name, sent, signal);
      return LATER_STATUS.test(`${answer.status}`) ? await ask(method, name, sent, signal) : answer;
    } catch (error) {
      if (error instanceof AppError) throw error;
      const code = signal.aborted ? 'TimeoutError' : (error as NodeJS.ErrnoException).code;
      const why = proxy ? whyUnreached('the store', code, proxy) : code;
      throw new AppError('storage_unavailable', { reason: `${why}: ${method} to the store of AVATAR_STORE` });
    }
  }

  async function ask(
    method: string,
    name: string,
    { headers = {}, data }: Sent,
    signal: AbortSignal,
  ): Promise<Answer> {
    const request = await signer.sign(`${objects}/${name}`, { method, headers });
    const signed = Object.fromEntries(request.headers);
    const response = await client.request<Buffer>({
      url: request.url,
      method,
      headers: signed,
      data,
      signal,
    });
    const { status, data: body } = response;
    if (proxy && isOfProxy(response)) {
      throw new AppError('storage_unavailable', { reason: refusedByProxy('the store', status, proxy) });
    }
    const isOk = status >= 200 && status < 300;
    const code = isOk ? '' : (/<Code>(\w{1,64})<\/Code>/.exec(body.toString())?.[1] ?? 'no code');
    return { status, code, body };
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
