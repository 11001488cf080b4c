/** A sentence of the design, word for word, and the titles of tests that prove it. */
export type Promised = readonly [sentence: string, ...proofs: readonly string[]];

// Titles that several sentences stand on.
const matrix = "tells what can be known: ${nameOf(cell)}: ${told}";
const untouched = "builds, does nothing, shows a change, builds it, goes back, refreshes and destroys";
const secrets = "reach the build, and nothing else holds their values";
const failure = "fails with the step, its words, the phase and the log; and works when the Dockerfile is mended";
const golden = "is this, for this context: another way of framing would be another scheme";

/**
 * What `CloudBuildImage` promises: every sentence of the design's third chapter, in its order, under its headings.
 * `promises.test.ts` fails on a sentence without a proof, and on a title that is no test.
 */
export const promises: Readonly<Record<string, readonly Promised[]>> = {
  Identity: [
    [
      "`contextHash` = hash over the files Docker would see, each as framed (relative POSIX path, kind, exec bit, content or link text).",
      "lists what Docker would see, by the bytes of the names",
      "in ${runs} random trees with random patterns",
      "tells any two lists of entries apart",
      "changes with ${name}",
      "changes with a link's text",
    ],
    [
      "Never mtime, owner, umask bits, absolute paths, OS, or file order.",
      "does not depend on where the folder is, on times, or on permissions other than the exec bit",
      "makes the same bytes for the same content, wherever and whenever",
    ],
    ["Same commit, any machine: same hash.", golden],
    [
      "What is shipped is exactly what was hashed: the archive is written from the same normal form (0644, 0755 with the exec bit or for a folder, owner 0:0, one fixed time not before 1980), so one hash never stands for two different contexts.",
      "ships what was hashed, as tar reads it: names, bytes, links, modes, owner and time",
      "fails when a file became ${name} after it was hashed",
      "refuses a context that changed between check and create",
    ],
    [
      "`contentHash` = hash over contextHash, Dockerfile bytes, target, platforms, build args (minus `volatileBuildArgs`), names of secrets (never values), named contexts, labels, `triggers`, and the options that change the bytes of the image, plus a version of this scheme.",
      "finds another content with ${name}",
      "leaves volatile build args out of the content, and hands them to the build",
      "are no part of the content but by their names: a rotated value builds nothing unless a trigger says so",
      "hashes a Dockerfile given by its text as it would the file, and knows named contexts each by its hash",
      "reuses an image that was built under an earlier scheme of hashing, says so in the preview, and tags it anew",
    ],
    [
      "Not in it: tags, cache settings, compute size, project, log level, where the repository lives.",
      "finds the same content however a path is spelled, and whatever is no content",
      "changes no image for another log level, builder or credential, or for a path spelled differently",
    ],
    [
      "The tag `cb-<first 32 hex of contentHash>` is pushed with every image and is how an image is found again.",
      "shows in the AWS tools what it shows in Pulumi",
      "reuses what the registry has, and builds what it has not",
    ],
  ],
  Repository: [
    [
      "`repositoryUrl` is an ECR URL; account and region come from it.",
      "reads account and region off an ECR host, in every partition",
      "refuses ${JSON.stringify(bad.slice(0, 40))} as a repository",
    ],
    [
      "Another host is accepted only when a custom endpoint is configured (the local cloud), and then region and account come from the configuration.",
      'names ${properties.join(" and ")} for ${name}',
      "takes other registries, ports and https://",
      untouched,
    ],
    [
      "**Resource ID**: `<repositoryUrl>#<12 hex of sha256(URN)>`, made at Create or import, never changed by an update.",
      "names each resource by its repository and its URN, and never otherwise",
      "imports by digest and by tag",
    ],
  ],
  Check: [
    [
      "**Check** validates everything and reports all failures at once, each with its property path; computes `contextHash` and puts it into the checked inputs, so previews and diffs show `contextHash: a => b`.",
      "reports everything at once",
      "reports what is wrong in the preview already, and starts nothing",
      "adds the hashes, and leaves everything else as it was given",
      "is the golden text for a changed file: the file, and both hashes",
    ],
    ["Unknown values are fine everywhere.", "takes unknown values anywhere, and then knows no content hash", matrix],
    [
      "Parses the Dockerfile enough to catch a missing file, an unknown stage, a syntax error.",
      "says what to do when the Dockerfile is missing",
      'names ${properties.join(" and ")} for ${name}',
      "finds a target by name in any case, or by number",
      "refuses a Dockerfile with ${name}",
    ],
    [
      "Nothing is ever hashed as empty because of an error.",
      "reports everything that is wrong at once, each with its property",
      "reports what is wrong in the preview already, and starts nothing",
    ],
  ],
  Preview: [
    [
      "**Preview** does not build.",
      "previews: unknown what only a build can tell, exact what the registry can, and nothing is called but the registry",
      "previews a hundred images of new content with at most two registry calls, however few the engine hands over at once",
    ],
    [
      "Unchanged: every output is its old, exact value.",
      matrix,
      untouched,
      "is the golden text when nothing changed",
      "makes a consumer of imageUri wait for the digest and nothing else",
    ],
    ["Changed but the content exists in ECR: the new digest is already known in preview.", matrix],
    [
      'Otherwise `digest` and `imageUri` are unknown, never `""`.',
      matrix,
      "previews: unknown what only a build can tell, exact what the registry can, and nothing is called but the registry",
      "makes a consumer of imageUri wait for the digest and nothing else",
    ],
    ["A repository that does not exist yet is normal.", matrix, "previews a repository that does not exist yet, and one that is not known"],
    [
      "The preview says which files changed.",
      "is the golden text for a changed file: the file, and both hashes",
      "tells what changed, what is new and what is gone",
    ],
  ],
  Diff: [
    [
      "**Diff** is a table: each property → ignore, update, update without build (tags), or replace.",
      "has a row for every input",
      "tells what a change of ${name} means: ${JSON.stringify(expected)}",
    ],
    [
      "Only the repository's identity replaces.",
      "tells what a change of ${name} means: ${JSON.stringify(expected)}",
      "is the golden text for another repository: a replacement",
      "replaces for another repository, and keeps the old image",
    ],
    [
      "A path spelled differently, a new credential, a new log level: no diff.",
      "changes no image for another log level, builder or credential, or for a path spelled differently",
      "is the golden text for a context that was moved: no change",
    ],
  ],
  "Create / Update": [
    [
      "**Create / Update**: reuse (content tag found) → adopt (a build of the same content is running: wait for it) → build.",
      "reuses what the registry has, and builds what it has not",
      "adopts the build of a plugin that was killed",
      "creates: builds, follows, confirms, tags, and says so in the engine's log",
    ],
    [
      "To adopt: the newest page of ListBuildsForProject, one BatchGetBuilds, in progress, with our content tag and repository in its environment.",
      "finds the running build of a content, and the newest that is over",
      "adopts the build of a plugin that was killed",
    ],
    [
      "The idempotency token is 64 hex of sha256(the StartBuild input, the ID of the newest settled build of this content or none): two stacks at once get one build, a retried call gets its own build back, and after a failure or a lost image a new one starts.",
      "is 64 hex, as long as CodeBuild takes",
      "differs after a settled build, and between two of them",
      "builds one time for two stacks that go up at once",
      "goes on under throttling, resets and late tags, with one build",
      "says which step failed and what it wrote, the phase and the log, and nothing of the build arguments",
      "builds anew what is gone from the registry, after a refresh",
    ],
    [
      "A StartBuild that answers an already settled build is that case seen late: once more, with its ID in the token.",
      "asks once more when the answer is a build that is over, naming it",
      "does not ask a third time for a build that is over",
    ],
    [
      "Success only after ECR confirms digest, media type, platforms and tags.",
      "confirms what is there, and says what is wrong with what is not as expected",
      "waits for a tag that becomes visible late",
    ],
    [
      "A tag-only change retags by `PutImage`, no build.",
      "retags with BatchGetImage and PutImage alone",
      "moves tags without a build",
      "is the golden text for tags alone",
    ],
    [
      "Single platform, no attestations by default, so `imageUri` (`repository@sha256:…`) goes into Lambda, ECS and Kubernetes as is.",
      "shows in the AWS tools what it shows in Pulumi",
      "is the golden text for a plain image",
    ],
    [
      "`reproducible: true` builds with a fixed `SOURCE_DATE_EPOCH` and rewritten timestamps: the same content gives the same digest even without any cache.",
      "that is reproducible has the same digest in another cloud with another cache, and only then",
    ],
    [
      "Several platforms: one native build each, in parallel, then the index is put from the provider.",
      "of two platforms is built natively, found again, repaired, retagged and deleted",
      "builds only the child that is missing, and only puts the index when none is",
      "is built one time for two resources that ask at once",
    ],
  ],
  "Read / refresh": [
    [
      "**Read / refresh**: only a definite not-found means gone; anything else is an error and state stays.",
      "reads: what is there stays, what is gone is gone, a moved tag is drift, and an error is none of these",
      "keeps state when a refresh is throttled, denied, expired or reset",
      "builds anew what is gone from the registry, after a refresh",
      "repairs a moved tag",
    ],
    ["No registry token is ever in inputs, outputs, state or plan.", "keeps what signs in to the registry out of state and plan"],
    [
      "Import: `pulumi import cloudbuild:index:CloudBuildImage app <repository>@sha256:…` or `<repository>:<tag>`.",
      "imports by digest and by tag",
      "imports an image by digest and by tag, and the program that has its content takes it over with nothing to do",
      "gets an image that somebody else made, and finds one by a function, with the SDK's own types",
    ],
  ],
  Delete: [
    [
      '**Delete** keeps the image by default (`onDelete: "retain"`); with `"delete"` it removes what this resource owns and never a digest another tag or the replacing resource uses.',
      untouched,
      "deletes nothing unless it is told to, and then only what is its own",
      "leaves the image to a resource that was only renamed",
      "leaves the image to a resource that replaces it",
      "leaves a shared image to who stays, whatever that one's onDelete, and takes the leaver's own tags",
      "takes the image away with the last resource that uses it",
      "never takes an image that somebody else's tag is on",
      "leaves an image that somebody else's index lists, and says so",
    ],
  ],
  "Cancel / crash": [
    [
      "**Cancel / crash**: Ctrl-C stops the builds this process started, within seconds.",
      "stops the build on Ctrl-C within five seconds, and up ends",
      "stops its builds on Cancel, and answers the calls that come after",
      "stops its builds and is gone on SIGINT",
    ],
    [
      "The engine gone without a word (its pipe closed): the plugin exits and leaves the build running.",
      "leaves when the engine is gone, and leaves the build running",
    ],
    [
      "`kill -9` and a re-run: the running build is adopted, never doubled.",
      "adopts the running build after kill -9 of the plugin: one build in all",
      "adopts the build of a plugin that was killed",
    ],
    [
      "A failed or stopped build is a plain error and state stays as it was; partial state is only for a stop that could not be confirmed.",
      failure,
      "stops the build on Ctrl-C within five seconds, and up ends",
      "remembers a build that could not be stopped",
    ],
    [
      "A failed poll never fails or restarts a build.",
      "never fails a build because a call failed, and asks less often meanwhile",
      "goes on under throttling, resets and late tags, with one build",
    ],
    ["A log error never changes a result.", "goes on under throttling, resets and late tags, with one build"],
  ],
  Secrets: [
    [
      "**Secrets**: `secrets` reach the build as BuildKit `--secret` mounts only.",
      secrets,
      "is the golden text for an image with everything",
    ],
    [
      "By reference (Secrets Manager, Parameter Store) or by value (a Pulumi secret, parked in a short-lived SecureString that is deleted afterwards).",
      secrets,
      "by value are taken away after a failure, after Ctrl-C, and by whoever adopts the build after a crash",
      "that a crash left behind are swept when they are older than any build may be",
    ],
    [
      "Never in build args, buildspec, plain environment variables, logs, state in clear, or image history.",
      secrets,
      "are no part of the content but by their names: a rotated value builds nothing unless a trigger says so",
      "is the golden text for a secret build arg, and does not hold its value",
    ],
  ],
  "Failure text": [
    [
      "**Failure text**: the failing Dockerfile step and its stderr, the phase and its message, a console link, what to do next; once.",
      failure,
      "says which step failed and what it wrote, the phase and the log, and nothing of the build arguments",
      "names the step and what it wrote, the phase, and the log, each once",
    ],
  ],
  Progress: [
    [
      '**Progress**: one live line per image (phase, elapsed, step), throttled; `logs: "off" | "errors" | "summary" | "full"`.',
      "creates: builds, follows, confirms, tags, and says so in the engine's log",
      "shows one live line, and changes it at most once a second",
      'shows of the log of a build what "${logs}" says',
    ],
  ],
};

/** What the product does besides, in the words of its own documents. */
export const furtherPromises: readonly Promised[] = [
  [
    "A hundred images cost no call unchanged, and one or two when they are refreshed.",
    "costs no call for a hundred unchanged images, and at most two for their refresh, however few the engine hands over at once",
  ],
  ["One build for each repository that lacks the content.", "builds once for each of two repositories"],
  [
    "A tag that may not move is an error that names it, and the image is there.",
    "names the tag that an immutable repository does not let go",
  ],
  ["A saved plan is carried out.", "carries out a saved plan", matrix],
  ['With `onMissing: "fail"` nothing is built.', "does not build where it must not"],
  ["Volatile build args reach the build and are no content.", "leaves volatile build args out of the content, and hands them to the build"],
  ["A secret among the build args is warned of, and stays a secret.", "keeps a secret a secret"],
  [
    "`getImage` finds by tag, digest and content hash, and waits for a push.",
    "finds images by tag, digest and content hash, and waits for one that is pushed later",
  ],
  [
    "A project's own buildspec builds what it is told to, and is taken by its exported digest or its tag.",
    "builds as the example does, and is told what to build and push",
    "is taken at its tag when it does not say the digest",
    "that pushes nothing is an error, however well it ends",
  ],
  [
    "A context is a folder, a commit of a git repository, an archive in S3 or nothing; named contexts each have an ignore file of their own.",
    "builds a git context at the commit that its branch names, and sees the branch move",
    "finds a git context again by its commit, whatever it is called",
    "fetches a private repository with the secret GIT_AUTH_TOKEN",
    "builds named contexts, each by its own ignore file, beside an image and a git repository",
    "builds a Dockerfile that needs no context",
    "builds a ${format} in S3, and sees it replaced",
    "says what is wrong with a source, in the preview",
  ],
  [
    "Where one of several builds fails, it is named and told once, and the others are stopped.",
    "that fails for one platform says which and why, once, and stops the other build",
    "is stopped on Cancel, every build of it",
  ],
  [
    "An archived image is neither gone nor there to be used: an error says how to restore it, and state stays.",
    "in the archive is an error wherever it is met, until it is restored; state stays",
    "in the archive is neither imported nor looked up, and said to be there",
  ],
  [
    "An index is deleted first, then its children, unless something else uses them.",
    "removes an index, then the children that only its child tags are on",
    "leaves the children of an index that somebody else's tag is on, and a child that another index lists",
  ],
  [
    "What is in the bucket is not sent again; of a large context that changed little only the difference is.",
    "ships no byte of a context that is there, whole or in parts, whichever image it was shipped for",
    "uploads a few kB for one changed file of tens of MB, and the image holds it",
  ],
  [
    "What the bucket holds can never make a wrong build: the tree is checked, and at worst the whole is shipped.",
    "makes, from any base by any edits, the tree that the whole archive makes: names, kinds, modes, times, links and contents",
    "is built from the whole, in the same operation, when its base is damaged in a way that only the build can see",
    "is built from the whole when its base is deleted while the build waits",
    "is built once for two stacks at once, one of which finds a base and the other does not",
  ],
  ["A context that expired between check and build is shipped again.", "is shipped again when it was deleted between check and build"],
  ["A project builds its own source, where that is wanted.", "has a project build its own source, at the version that is asked for"],
  [
    "A state carries its version; one of 0.1.0 goes on previewing clean, and one of a later form is refused.",
    "${version} previews clean with the same program and the same files",
    "is refused when it was written by a version that knew more, whatever is asked of it",
  ],
];
