// Whether the document that is named is AsyncAPI: prints what is wrong with it, and ends with 1 when it is not.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Parser } = createRequire(`${process.argv[3]}/`)('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
for (const { path, message, severity } of diagnostics) console.log(severity, path.join('.'), message);
process.exit(document ? 0 : 1);
