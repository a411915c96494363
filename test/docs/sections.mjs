// Arranges the API reference, as a plugin of typedoc: sorts what the package exports into sections by the file that
// declares it, leaves constructors out (users get every object from a call), and makes the error names
// in `@throws` links. Loaded by `typedoc.json`; `npm run docs` writes the reference, `docs:check` only looks for faults.

import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'

/** Section by the path of the declaring file under `src/`; the first that matches. In `typedoc.json` stands their order. */
const SECTIONS = [
  [/^errors\.ts$/, 'Errors'],
  [
    /^database\/(public|verify\/directory|repair\/repair|dump\/dump|database|options|arguments)\.ts$/,
    'Database',
  ],
  [/^database\/(open-writer)\.ts$/, 'Writing'],
  [/^(database\/(reads|snapshot)|telem\/(frame|series))\.ts$/, 'Reading'],
  [
    /^database\/(delete|collection\/(collect|gc-report)|stats|reader-stats|verify\/report|repair\/report|dump\/entry|opening\/believe)\.ts$/,
    'Reports',
  ],
  [/^(database\/channels|telem\/(channel|metadata)|channel\/schema)\.ts$/, 'Channels and schemas'],
  [/^(telem\/data-type)\.ts$/, 'Types of samples'],
  [/^(clock|telem\/(timestamp|time-range))\.ts$/, 'Times'],
]

/** typedoc calls this; the name is its. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Constructor)) context.project.removeReflection(reflection)
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const [entry] = project.getChildrenByKind(ReflectionKind.Module)
    entry.name = 'API'
    for (const child of entry.children) sort(child)
    for (const reflection of Object.values(project.reflections)) {
      link(reflection)
      // There is no address yet that they could link to.
      delete reflection.sources
    }
  })
}

function sort(reflection) {
  const file = reflection.sources?.[0]?.fullFileName.replaceAll('\\', '/') ?? ''
  const path = file.slice(file.lastIndexOf('/src/') + '/src/'.length)
  const section = SECTIONS.find(([pattern]) => pattern.test(path))?.[1]
  // A file that no section takes shows in the reference under "Other", and as a fault of this table.
  if (section === undefined)
    throw new Error(`No section of the API reference takes ${path}: add it to sections.mjs`)
  reflection.comment ??= new Comment()
  reflection.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: section }]))
}

function link(reflection) {
  for (const tag of reflection.comment?.blockTags ?? []) {
    if (tag.name !== '@throws') continue
    tag.content = tag.content.flatMap((part) => (part.kind === 'text' ? linked(part.text) : [part]))
  }
}

/** The text in pieces: names of error classes are links. */
function linked(text) {
  return text
    .split(/\b([A-Z]\w*Error)\b/)
    .map((piece, i) =>
      i % 2 === 0 ? { kind: 'text', text: piece } : { kind: 'inline-tag', tag: '@link', text: piece },
    )
}
