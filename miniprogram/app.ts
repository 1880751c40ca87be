import { session } from './session.js';

App({
  /** For the console of DevTools: `getApp().session.request({ url: '/api/wxuser/me' })`. */
  session,
});
