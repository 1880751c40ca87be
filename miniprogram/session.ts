import { baseUrl } from './config.js';
import { createSession } from './session/index.js';

/** The one login of this mini program. */
export const session = createSession({ baseUrl, platform: wx });
