export type { Request, Upload } from './calls.js';
export { SessionError } from './error.js';
export type { Platform } from './platform.js';
export { createSession, type LoginReply, type Session, type SessionOptions } from './session.js';
export type { User } from './storage.js';
