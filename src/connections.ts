import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** For the database, Redis, WeChat and pictures; of a process that may open few files, a quarter of them. */
const RESERVE = 256;

/** From here on, connections that nobody uses are closed. */
const TIGHT = 0.9;

/** A connection on which no request has begun for so long makes room for others. */
const SILENT_MS = 2000;

/**
 * Bounds the connections of a server below what its process may open, so that a flood of them leaves the others, and what we
 * ask ourselves, in place. When it gets tight, those that are idle are closed, and then the one that has been silent the longest.
 */
export function boundConnections(http: Server, most = mostConnections()): void {
  http.maxConnections = most;
  const silentSince = new Map<Socket, number>();
  let open = 0;

  http.on('connection', (socket: Socket) => {
    open += 1;
    silentSince.set(socket, performance.now());
    socket.once('close', () => {
      open -= 1;
      silentSince.delete(socket);
    });
    if (open > most * TIGHT) makeRoom();
  });
  http.on('drop', makeRoom);
  http.prependListener('request', ({ socket }) => void silentSince.delete(socket));

  function makeRoom(): void {
    http.closeIdleConnections();
    const [oldest] = silentSince;
    if (oldest && performance.now() - oldest[1] > SILENT_MS) oldest[0].destroy();
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
