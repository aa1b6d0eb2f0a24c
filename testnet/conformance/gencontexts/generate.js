// Writes ../contexts/*.json and ../contexts/index.json (URL -> file) from the
// packages named in package.json. Run: npm install && npm run generate.
//
// No package holds https://www.w3.org/ns/credentials/examples/v2, which is one
// vocabulary; the suites of the W3C write it out in the same way.
import {createRequire} from 'node:module';
import {mkdirSync, writeFileSync} from 'node:fs';
const require = createRequire(import.meta.url);
const {dependencies} = require('./package.json');

const found = new Map([['https://www.w3.org/ns/credentials/examples/v2', {'@context': {'@vocab': 'https://www.w3.org/ns/credentials/examples#'}}]]);
for(const name of Object.keys(dependencies)) {
  let m;
  try { m = require(name); } catch { m = await import(name); }
  for(const part of [m, m.default ?? {}]) {
    for(const [url, doc] of part.contexts ?? []) { found.set(url, doc); }
  }
}

const index = {};
mkdirSync('../contexts', {recursive: true});
for(const url of [...found.keys()].sort()) {
  const file = url.replace(/^https:\/\//, '').replace(/\.json(ld)?$/, '').replace(/[^a-z0-9.-]+/g, '_') + '.json';
  writeFileSync('../contexts/' + file, JSON.stringify(found.get(url), null, 1) + '\n');
  index[url] = file;
}
writeFileSync('../contexts/index.json', JSON.stringify(index, null, 1) + '\n');
