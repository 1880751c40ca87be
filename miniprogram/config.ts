/** Where weapp-login answers. A real mini program needs https here, and the domain in its console: 开发管理 > 服务器域名. */
export const baseUrl = 'http://localhost:8888';
