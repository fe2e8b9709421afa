#!/bin/sh
# Whether what is here can be released as it is: every reason why not is said, not the first.
set -u
wrong=0

no() {
    echo "  no   $*"
    wrong=$((wrong + 1))
}

version=$(sed -n 's/^version: *//p' galaxy.yml)
echo "version $version of galaxy.yml"

[ -z "$(git status --porcelain)" ] || no "the working tree has changes that are not committed"
[ -z "$(ls changelogs/fragments)" ] || no "changelogs/fragments holds $(find changelogs/fragments -type f | wc -l) fragments: make changelog"
released=$(python -c 'import yaml; print("\n".join(yaml.safe_load(open("changelogs/changelog.yaml"))["releases"] or []))' 2>/dev/null)
echo "$released" | grep -qxF "$version" || no "changelogs/changelog.yaml has no release $version"
tag=$(git rev-list -n 1 "refs/tags/$version" 2>/dev/null)
[ -z "$tag" ] || [ "$tag" = "$(git rev-parse HEAD)" ] || no "the tag $version is another commit: raise the version in galaxy.yml"
case $version in 0.*) no "the first release on Galaxy for all is 1.0.0: raise the version in galaxy.yml" ;; esac
reuse lint --quiet || no "a file does not say its licence: reuse lint"
antsibull-changelog lint || no "antsibull-changelog lint"
python -m pytest -q tests/architecture/test_checklist.py || no "the inclusion checklist: tests/architecture/test_checklist.py"
tarball=$(ls .build/dist/*.tar.gz)
echo "tarball $tarball, $(du -k "$tarball" | cut -f1) kB"

[ "$wrong" = 0 ] || { echo "release-check: $wrong reasons not to release"; exit 1; }
echo "release-check: ready; next: git tag $version"
