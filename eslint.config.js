import tseslint from "typescript-eslint";

/** Rules that catch what the type checker cannot: a promise nobody awaits, output that bypasses the reporter, a type imported as a value. */
export default tseslint.config(
  { ignores: ["node_modules/", ".make/", "provider/dist/", "dist/", "sdk/", "examples/", "eslint.config.js"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports", disallowTypeAnnotations: false }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["provider/src/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "setTimeout", message: "use the Clock that was passed in" },
        { name: "setInterval", message: "use the Clock that was passed in" },
      ],
    },
  },
  { files: ["provider/src/support/clock.ts", "tests/**/*.ts"], rules: { "no-restricted-globals": "off" } },
  // Tests compare what came over the wire, which has no types; a wrong one fails the comparison.
  {
    files: ["tests/**/*.ts"],
    rules: { "@typescript-eslint/no-base-to-string": "off", "@typescript-eslint/no-unsafe-enum-comparison": "off" },
  },
);
