#!/usr/bin/env node
// Read by every Node that knows modules: what is too old for the rest says so here.
import '../../check-node.cjs';

// A reader such as `head` may leave early: the command goes on to its end, and what it still says goes nowhere.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

import('./commands.ts').then(({ runCommand }) => runCommand(...process.argv.slice(2)));
