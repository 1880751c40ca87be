'use strict';
// Ends the process with a sentence if this Node is too old. Every Node can read this file, so nothing newer than ES5 is in it.
var needed = require('./package.json').engines.node;
var have = process.versions.node.split('.').map(Number);

function isEnough(range) {
  var least = range
    .replace(/[^0-9.]/g, '')
    .split('.')
    .map(Number);
  if (range.charAt(0) === '^' && have[0] !== least[0]) return false;
  return have[0] > least[0] || (have[0] === least[0] && have[1] >= (least[1] || 0));
}

if (!needed.split(' || ').some(isEnough)) {
  process.stderr.write(
    'weapp-login needs Node ' +
      needed +
      ', and this is Node ' +
      process.versions.node +
      '. Get a newer one from https://nodejs.org/en/download, or with nvm: nvm install 22\n',
  );
  process.exit(1);
}
