/** Of wx.login; or what DevTools gives where nobody is logged in to it, which WeChat refuses and the sandbox does not. */
export const LOGIN_CODE = /^(?:[\w-]*|the code is a mock one)$/;

/** Whether a text has the form of the codes that wx.login gives. */
export function isLoginCode(code: string): boolean {
  return /^0[A-Za-z0-9]{31}$/.test(code);
}

/** Whether a text has the form of the codes that the getPhoneNumber button gives. */
export function isPhoneCode(code: string): boolean {
  return /^[0-9a-f]{64}$/.test(code);
}
