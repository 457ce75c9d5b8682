// Babel configuration by which dependency-cruiser reads TypeScript: TypeScript 7 has no compiler API it could use, and a
// transpiler would drop the type-only imports that the rules are about, too. Every file is reduced to what it imports.

function onlyImports({ types: t }) {
  return {
    visitor: {
      Program(program) {
        const sources = new Set();
        for (const { source } of program.node.body) if (source) sources.add(source.value);
        program.traverse({
          CallExpression({
            node: {
              callee,
              arguments: [source],
            },
          }) {
            if (t.isImport(callee) && t.isStringLiteral(source)) sources.add(source.value);
          },
          TSImportType({ node: { argument } }) {
            sources.add(argument.literal?.value ?? argument.value);
          },
        });
        program.node.directives = [];
        program.node.body = [...sources].map((source) => t.importDeclaration([], t.stringLiteral(source)));
        program.skip();
      },
    },
  };
}

module.exports = {
  babelrc: false,
  configFile: false,
  compact: false,
  parserOpts: { plugins: ['typescript', 'decorators-legacy'] },
  plugins: [onlyImports],
};
