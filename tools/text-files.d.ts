/** The types of what the command line tool carries as text: see text-modules.ts. */
declare module '*.css' {
  const text: string;
  export default text;
}

declare module '*.html' {
  const text: string;
  export default text;
}

declare module '*.iife.min.js' {
  const text: string;
  export default text;
}
