#!/usr/bin/env node
// Read by every Node that knows modules: what is too old for the rest says so here.
import '../../check-node.cjs';

import('./commands.ts').then(({ runCommand }) => runCommand(...process.argv.slice(2)));
