import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { hasBody } from './middleware/plain-body.ts';

/** For the database, Redis, WeChat and pictures; of a process that may open few files, a quarter of them. */
const RESERVE = 256;

const TOLD_EVERY_MS = 60_000;

/**
 * Bounds the connections of a server below what its process may open, so that a flood of them leaves the others, and what we
 * ask ourselves, in place. When they are full, the one that has kept us waiting longest makes room: for its first request, its
 * next one, the rest of a body, or to take our answer. What we are working on stays.
 * @param full told, at most once a minute, that it happens
 */
export function boundConnections(http: Server, full: (most: number) => void, most = mostConnections()): void {
  const open = new Set<Socket>();
  /** Those whose client it is that we wait for, the longest first. */
  const waiting = new Set<Socket>();
  let toldAt = Number.NEGATIVE_INFINITY;

  http.on('connection', (socket: Socket) => {
    open.add(socket);
    waiting.add(socket);
    socket.once('close', () => forget(socket));
    if (open.size > most) makeRoom();
  });

  http.prependListener('request', (req, res) => {
    const { socket } = req;
    const work = () => {
      if (!res.writableEnded) waiting.delete(socket);
    };
    if (hasBody(req)) req.once('end', work);
    else work();
    res.once('prefinish', () => {
      waiting.delete(socket);
      if (open.has(socket)) waiting.add(socket);
    });
  });

  function makeRoom(): void {
    // At the latest it is the one that has just come.
    const [longest] = waiting;
    if (longest) forget(longest.destroy());
    if (performance.now() - toldAt < TOLD_EVERY_MS) return;
    toldAt = performance.now();
    full(most);
  }

  function forget(socket: Socket): void {
    open.delete(socket);
    waiting.delete(socket);
  }
}

/** How many connections there may be; no bound where the system tells none (Windows). */
export function mostConnections(openFiles = openFileLimit()): number {
  return Math.floor(openFiles - Math.min(RESERVE, openFiles / 4));
}

/** Node raises its own limit to the hard one when it starts. */
function openFileLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: unknown } } };
  const limit = Number(userLimits?.open_files?.soft);
  return Number.isFinite(limit) ? limit : Number.MAX_SAFE_INTEGER;
}
