/** What DevTools gives for a code where nobody is logged in to it. WeChat refuses it, the sandbox does not. */
export const MOCK_CODE = 'the code is a mock one';

/** Whether a text has the form of the codes that wx.login gives. */
export function isLoginCode(code: string): boolean {
  return /^0[A-Za-z0-9]{31}$/.test(code);
}

/** Whether a text has the form of the codes that the getPhoneNumber button gives. */
export function isPhoneCode(code: string): boolean {
  return /^[0-9a-f]{64}$/.test(code);
}
