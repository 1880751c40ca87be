import type { Config } from '../config.ts';
import type { Finding } from './finding.ts';

/** Looks at settings that are well-formed: what is risky or left over. */
export function examineSettings(config: Config): Finding[] {
  const subject = 'settings';
  const { apps, sandbox, jwt, sessions } = config;
  const findings: Finding[] = [
    sandbox
      ? {
          level: 'ok',
          subject,
          says: 'the sandbox, for development: set WX_APPID and WX_SECRET for real users',
        }
      : { level: 'ok', subject, says: `for ${apps.map(({ appid }) => appid).join(', ')}` },
  ];
  for (const says of config.warnings)
    findings.push({ level: 'warning', subject, says, todo: 'correct the name, or remove it' });
  const { trustedCloudHeaders: trusted } = config.wechat;
  if (trusted) {
    const name = trusted === 'X-WX' ? 'WX_TRUST_CLOUD_HEADERS' : 'WX_TRUST_CLOUD_FROM_HEADERS';
    findings.push({
      level: 'warning',
      subject,
      says: `${name}: whoever reaches this server past the gateway of WeChat Cloud Run is anybody he likes`,
      todo: 'close public access in the Cloud Run console, or unset it (docs/cloud-run.md)',
    });
  }
  const former = jwt.previousSecrets.length + jwt.previousKeys.length;
  if (former > 0) {
    const days = Math.ceil(jwt.lifetimeSeconds / 86_400);
    findings.push({
      level: 'warning',
      subject,
      says: `${former} former secrets or keys are still good`,
      todo: `remove them from JWT_PREVIOUS_SECRETS and JWT_PREVIOUS_KEY_FILES ${days} days after the rotation (JWT_EXPIRES_IN)`,
    });
  }
  if (!config.redisUrl && sessions.cacheSeconds > 60) {
    findings.push({
      level: 'warning',
      subject,
      says: `without Redis other instances learn of a logout or a ban only after ${sessions.cacheSeconds} s`,
      todo: 'set REDIS_URL, or a smaller SESSION_CACHE_SECONDS',
    });
  }
  return findings;
}
