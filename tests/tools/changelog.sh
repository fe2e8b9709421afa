#!/bin/sh
# Turn the fragments into the release of the version in galaxy.yml.
#
# antsibull-changelog copies the whole folder to read the plugins, and recorded hosts hold links that lead nowhere, as hosts do: so it works on
# a copy of what users get.
set -eu
copy=.build/changelog/ansible_collections/c10m/front_tier
rm -rf .build/changelog
mkdir -p "$copy"
cp -R README.md galaxy.yml changelogs meta plugins roles "$copy"
(cd "$copy" && antsibull-changelog release)
rm -rf changelogs/fragments/*
cp "$copy/changelogs/changelog.yaml" changelogs/
cp "$copy/CHANGELOG.rst" .
