/** What `GET /orders` answers in every variant. */
export const ORDERS = { status: 200, ordersOf: 1 };

/** The same as it is sent. */
export const ORDERS_BODY = JSON.stringify(ORDERS);

/** A call of `GET /orders` with a token, as it is sent. */
export function ordersCall(token: string): Buffer {
  return Buffer.from(`GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${token}\r\n\r\n`);
}
