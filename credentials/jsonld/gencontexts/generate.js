// Writes ../contexts/*.json and ../contexts/index.json (URL -> file) from the
// packages named in package.json. Run: npm install && npm run generate.
//
// Two terms are added to Open Badges 3.0.3, which its publisher added to the
// same URL later than the package: jti and endorsementJwt. A badge signed with
// Data Integrity never uses them, since copies of the context differ.
//
// No package holds https://w3id.org/security/jwk/v1 and https://www.w3.org/ns/cid/v1,
// which DID documents name; those are read by their members, not as JSON-LD.
import {createRequire} from 'node:module';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
const require = createRequire(import.meta.url);
const {dependencies} = require('./package.json');

const found = new Map();
const take = contexts => {
  for(const [url, doc] of contexts instanceof Map ? contexts : Object.entries(contexts)) {
    if(doc && doc['@context'] && !found.has(url)) {
      found.set(url, structuredClone(doc));
    }
  }
};
for(const name of Object.keys(dependencies)) {
  let m;
  try { m = require(name); } catch { m = await import(name); }
  for(const part of [m, m.default ?? {}]) {
    if(part.contexts) { take(part.contexts); }
  }
}

// One package keeps its context in a file that it does not export.
const file = path => JSON.parse(readFileSync('node_modules/' + path, 'utf8'));
take({'https://w3id.org/security/suites/jws-2020/v1': file('@transmute/json-web-signature/src/contexts/jws-v1.json')});

const OB = 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json';
found.get(OB)['@context'].endorsementJwt = {'@id': 'https://purl.imsglobal.org/spec/vc/ob/vocab.html#endorsementJwt', '@container': '@set'};
found.get(OB)['@context'].jti = {'@id': 'https://www.iana.org/assignments/jwt#jti', '@type': '@id'};

const wanted = [
  'https://www.w3.org/2018/credentials/v1', 'https://www.w3.org/ns/credentials/v2',
  'https://w3id.org/security/data-integrity/v1', 'https://w3id.org/security/data-integrity/v2',
  'https://w3id.org/security/multikey/v1',
  'https://www.w3.org/ns/credentials/status/v1', 'https://w3id.org/vc/status-list/2021/v1',
  'https://purl.imsglobal.org/spec/ob/v3p0/context.json', 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json',
  'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json', OB, 'https://purl.imsglobal.org/spec/ob/v3p0/extensions.json',
  'https://www.w3.org/ns/did/v1', 'https://w3id.org/security/suites/ed25519-2020/v1',
  'https://w3id.org/security/suites/ed25519-2018/v1', 'https://w3id.org/security/suites/jws-2020/v1',
  'https://w3id.org/security/v1', 'https://w3id.org/security/v2',
];
const index = {};
mkdirSync('../contexts', {recursive: true});
for(const url of wanted) {
  const doc = found.get(url);
  if(!doc) { throw new Error('no package holds ' + url); }
  const file = url.replace(/^https:\/\//, '').replace(/\.json$/, '').replace(/[^a-z0-9.-]+/g, '_') + '.json';
  writeFileSync('../contexts/' + file, JSON.stringify(doc, null, 1) + '\n');
  index[url] = file;
}
writeFileSync('../contexts/index.json', JSON.stringify(index, null, 1) + '\n');
