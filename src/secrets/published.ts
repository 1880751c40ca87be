/**
 * Secrets that stand in standards, libraries, tutorials and our own documents: everybody knows them. A test collects
 * what our documents have and finds each refused.
 */
export const PUBLISHED_SECRETS: readonly string[] = [
  // our documents, and what they had before
  'advance8',
  'change-me-to-a-random-string-of-32-bytes-or-more',
  'paste-here-what-openssl-rand-base64-48-prints',
  'paste-here-what-weapp-login-keygen-prints',
  'paste-the-EncodingAESKey-here',
  'paste-the-token-here',
  '8a1d1e5c-2f0b-4c7e-9a43-0f6c1d2b3a4e',
  // jwt.io
  'your-256-bit-secret',
  'your-384-bit-secret',
  'your-512-bit-secret',
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  // RFC 7515 A.1, RFC 7520 3.5, RFC 7517 A.3, RFC 9562's UUID
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
  'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FAm-Onf2hLA_dYY',
  'GawgguFyGrWKav7AX4VKUg',
  'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  '550e8400-e29b-41d4-a716-446655440000',
  '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  // how every RSA key begins
  'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ',
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA',
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ',
  // tutorials on Spring, Express, Flask, Laravel and NestJS
  '404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
  '5367566B59703373367639792F423F4528482B4D6251655468576D5A71347437',
  '413F4428472B4B6250655368566D5970337336763979244226452948404D6351',
  '3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b',
  '9a4f2c8d3b7a1e6f45c8a0b3f267d8b1d4e6f3c8a9d2b5f8e3a9c8b5f6v8a3d9',
  '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
  'bezKoderSecretKey',
  'your-secret-key',
  'keyboard cat',
  'DO NOT USE THIS VALUE. INSTEAD, CREATE A COMPLEX SECRET AND KEEP IT SAFE OUTSIDE OF THE SOURCE CODE.',
  // the settings that Docker images and frameworks come with
  'my-32-character-ultra-secure-and-ultra-long-secret',
  'django-insecure-',
  'put your unique phrase here',
  '255d861b-5ea1-5996-9aa3-922530ec40b1',
  // pi and e
  '3141592653589793238462643383279502884197169399375105820974944592',
  '2718281828459045235360287471352662497757247093699959574966967627',
  // WeChat's own samples, and WeChat Pay's
  '192006250b4c09247ec02edce69f6a2d',
  'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C',
  'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
];
