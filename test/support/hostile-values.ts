/** Bodies that no control plane may accept. Each is a whole request body of POST /v1/load-balancers. */
export interface HostileBody {
  name: string;
  body: unknown;
  /** Where the fault is, when the case is about one field. */
  pointer?: string;
}

/** Texts that some field or other must refuse. */
export const TEXTS: Readonly<Record<string, string>> = {
  'a line break': 'a\nb',
  'a directive behind a line break': 'x\n  http-request deny',
  'a carriage return': 'a\rb',
  NUL: 'a\u0000b',
  'a single quote': "a'b",
  'a double quote': 'a"b',
  'a comment sign': 'a#b',
  'a variable': '${HOME}',
  'a dollar sign': 'a$b',
  'a log-format variable': '%[src]',
  'a percent sign': 'a%b',
  'a backslash': 'a\\b',
  'a space': 'a b',
  'a tab': 'a\tb',
  'a semicolon': 'a;b',
  braces: 'a{b}c',
  '10 kB': 'a'.repeat(10_240),
  'an empty text': '',
  'a path upwards': '../../etc/passwd',
  'other letters': 'wéb-ľb',
  'a right-to-left mark': 'web\u202elb',
  'an emoji': '🙂',
  'a leading hyphen': '-rf',
  markup: '<script>alert(1)</script>',
  SQL: "'; DROP TABLE load_balancers; --",
};

/** Values that are no text. */
export const WRONG_TYPES: Readonly<Record<string, unknown>> = {
  null: null,
  'a number': 42,
  'a boolean': true,
  'a list': [],
  'an object': {},
  'a negative number': -1,
  'a fraction': 0.5,
  'a huge number': 1e308,
};
