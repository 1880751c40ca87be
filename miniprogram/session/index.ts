export type { Request, Upload } from './calls.js';
export { SessionError } from './error.js';
export type { LoginReply } from './log-in.js';
export type { Platform } from './platform.js';
export { createSession, type Session, type SessionOptions } from './session.js';
export type { User } from './storage.js';
