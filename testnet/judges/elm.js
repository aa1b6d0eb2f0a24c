// node elm.js SHAPES FILE...: holds documents of the European Learning Model to
// the shapes in a folder, with rdf-validate-shacl. Prints a line for each
// violation: file, path, message.
import {readFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import jsonld from 'jsonld';
import {Parser, Store} from 'n3';
import SHACLValidator from 'rdf-validate-shacl';
import {Count, contexts} from './common.js';

const [shapesDir, ...files] = process.argv.slice(2);
const EDC = 'http://data.europa.eu/snb/model/context/edc-ap';
const at = new Map([[EDC, JSON.parse(readFileSync(join(shapesDir, 'edc-ap-context.jsonld'), 'utf8'))]]);
const documentLoader = async url => {
  const document = at.get(url) ?? contexts.get(url);
  if(!document) { throw new Error(`not at hand: ${url}`); }
  return {contextUrl: null, documentUrl: url, document};
};
const read = text => new Parser().parse(text).filter(q => q.predicate.value !== 'http://www.w3.org/2002/07/owl#imports');
const validators = ['EDC-generic-full.ttl', 'EDC-generic-no-cv.ttl', 'EDC-converted.ttl'].map(name =>
  [name, new SHACLValidator(new Store(read(readFileSync(join(shapesDir, name), 'utf8'))))]);

const count = new Count();
for(const file of files) {
  const doc = JSON.parse(readFileSync(file, 'utf8'));
  const quads = await jsonld.toRDF(doc.credential ?? doc, {documentLoader, format: 'application/n-quads', safe: false});
  const data = new Store(new Parser({format: 'N-Quads'}).parse(quads));
  for(const [name, validator] of validators) {
    await count.check(`${basename(file)} conforms to ${name}`, async () => {
      const report = await validator.validate(data);
      const bad = report.results.filter(r => r.severity?.value.endsWith('#Violation'));
      if(bad.length) { throw new Error(bad.map(r => `${r.path?.value}: ${r.message.map(m => m.value).join('; ')} (${r.focusNode?.value})`).join('\n    ')); }
    });
  }
}
count.end();
