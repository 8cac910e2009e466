# The sample apps: their git repositories, building and pushing them. Sourced by the scripts
# that know an engine. They set here, data, registry and builder (the docker command of the
# engine that builds), and define say, die and busybox_into FILE (puts a static busybox there).

commit() { # REPOSITORY BRANCH SUBJECT DATE: the content of a commit is its subject
  git -C "$1" checkout -q "$2"
  printf '%s\n' "$3" >>"$1/CHANGES"
  git -C "$1" add CHANGES
  GIT_AUTHOR_DATE=$4 GIT_COMMITTER_DATE=$4 git -C "$1" commit -qm "$3"
}

repository() { # APP: a git repository with branches dev, test, master and two release tags
  local app=$1 repo=$data/git/$1 n=0 line branch
  [[ -f $repo/.complete ]] && return
  rm -rf "$repo"; mkdir -p "$repo"
  git init -q -b master "$repo"
  cp -r "$here/scripts/samples/$app/." "$repo/"
  git -C "$repo" add -A
  git -C "$repo" config user.name "Slipway Demo"
  git -C "$repo" config user.email demo@localhost
  git -C "$repo" config commit.gpgsign false
  git -C "$repo" config tag.gpgsign false
  GIT_AUTHOR_DATE="2026-05-11T09:00:00+08:00" GIT_COMMITTER_DATE="2026-05-11T09:00:00+08:00" git -C "$repo" commit -qm "Begin $app"
  git -C "$repo" branch test; git -C "$repo" branch dev
  while read -r line; do
    n=$((n + 1))
    commit "$repo" dev "$line" "2026-05-12T1$((n % 9)):0$((n % 7)):00+08:00"
    case $n in 3) git -C "$repo" checkout -q test && git -C "$repo" merge -q --ff-only dev ;; esac
    case $n in 4) git -C "$repo" tag release-v5.12.05.01 ;; esac
  done <"$here/scripts/samples/$app.commits"
  git -C "$repo" tag release-v5.12.05.02
  for branch in test master; do
    git -C "$repo" checkout -q "$branch"; git -C "$repo" merge -q --ff-only "dev~$([[ $branch == test ]] && echo 1 || echo 2)"
  done
  git -C "$repo" checkout -q dev
  echo '.complete' >>"$repo/.git/info/exclude"
  touch "$repo/.complete"
}

quietly() { # COMMAND...: what it printed is shown only when it failed
  local output
  output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; die "$1 failed"; }
}

revision_of() { # REPOSITORY TAG
  case $2 in
    latest) git -C "$1" rev-parse master ;;
    release-*) git -C "$1" rev-parse -q --verify "refs/tags/$2" ;;
    *) git -C "$1" rev-parse -q --verify "refs/heads/$2" ;;
  esac
}

push_one() { # APP TAG [AGAIN]
  local app=$1 tag=$2 again=$3 repo=$data/git/$1 image=$registry/demo/$1:$2 revision context
  revision=$(revision_of "$repo" "$tag") || die "$app has no $tag; --new makes it"
  if [[ -z $again && $(cat "$data/pushed/$app-$tag" 2>/dev/null) == "$revision" ]]; then return; fi
  context=$data/context/$app
  rm -rf "$context"; mkdir -p "$context/image/bin" "$context/image/tmp" "$data/pushed"
  git -C "$repo" archive "$revision" | tar -x -C "$context"
  busybox_into "$context/image/bin/busybox"
  local applet
  for applet in sh httpd wget sleep cat echo date env nc mkdir; do ln -s busybox "$context/image/bin/$applet"; done
  quietly env DOCKER_BUILDKIT=0 "${builder[@]}" build -q -t "$image" --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" \
    --build-arg "SOURCE=file://$repo" --build-arg "CREATED=$(git -C "$repo" log -1 --format=%cI "$revision")" "$context"
  quietly "${builder[@]}" push -q "$image"
  echo "$revision" >"$data/pushed/$app-$tag"
  say "pushed $image ($(git -C "$repo" log -1 --format='%h %s' "$revision"))"
}

push() { # [APP] [TAG] [--new] [--again]
  local new='' again='' arg apps=() tags=() app tag
  for arg in "$@"; do
    case $arg in --new) new=1 ;; --again) again=1 ;; web | worker) apps+=("$arg") ;; *) tags+=("$arg") ;; esac
  done
  [[ ${#apps[@]} -gt 0 ]] || apps=(web worker)
  [[ ${#tags[@]} -gt 0 ]] || tags=(dev test latest release-v5.12.05.01 release-v5.12.05.02)
  for app in "${apps[@]}"; do repository "$app"; done
  for tag in "${tags[@]}"; do
    for app in "${apps[@]}"; do
      if [[ -n $new ]]; then
        local repo=$data/git/$app branch=$tag
        case $tag in
          latest) branch=master ;;
          release-*) branch=dev ;;
        esac
        commit "$repo" "$branch" "Change $(git -C "$repo" rev-list --count --all) of $app" "$(date +%Y-%m-%dT%H:%M:%S%z)"
        [[ $tag == release-* ]] && git -C "$repo" tag -f "$tag" >/dev/null
        git -C "$repo" checkout -q dev
      fi
      push_one "$app" "$tag" "$again"
    done
  done
}

