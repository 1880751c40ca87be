/** Where the local WeChat is. */
export const SANDBOX = '/sandbox';

/** Asks the local WeChat. */
export async function askSandbox<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(SANDBOX + path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  if (!response.ok) throw new Error(`the local WeChat answered HTTP ${response.status}`);
  return response.json() as Promise<T>;
}
