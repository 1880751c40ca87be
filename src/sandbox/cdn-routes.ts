import { Router } from 'express';
import { AppError } from '../errors.ts';
import { portraitOf, SILHOUETTE } from './portraits.ts';
import { ANONYMOUS } from './profiles.ts';

const HOSTS = ['thirdwx.qlogo.cn', 'wx.qlogo.cn', 'mmbiz.qpic.cn'];
/** What WeChat's documents give who has chosen no picture. */
const PLACEHOLDER =
  'https://mmbiz.qpic.cn/mmbiz/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/0';
const NOBODY = [ANONYMOUS.avatarUrl, PLACEHOLDER].map(withoutSize);

/**
 * Our choice: under `/cdn/<host>/<path>` a picture for every address that the local WeChat gives for one, so that it is seen
 * offline and nobody is asked for what was never uploaded.
 */
export function cdnRoutes(): Router {
  const routes = Router();
  routes.get('/cdn/:host/*path', (req, res) => {
    const { host, path } = req.params;
    if (!HOSTS.includes(host)) throw new AppError('not_found');
    const address = withoutSize(`https://${host}/${path.join('/')}`);
    res
      .set({
        'Content-Security-Policy': "default-src 'none'",
        'Cache-Control': 'public, max-age=86400',
        'Cross-Origin-Resource-Policy': 'cross-origin', // a page in DevTools shows it
      })
      .type('svg')
      .send(NOBODY.includes(address) ? SILHOUETTE : portraitOf(address));
  });
  return routes;
}

/**
 * WeChat's addresses end in the size of one and the same picture.
 * @see https://developers.weixin.qq.com/miniprogram/dev/api/open-api/user-info/UserInfo.html
 */
function withoutSize(address: string): string {
  return address.replace(/\/(?:0|46|64|96|132)$/, '');
}
