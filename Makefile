# `make run` is the collection's first answer; `make quick` before a commit; `make test` is everything that the README promises.
# Recipes stay short: what takes more than a line lives in tests/tools.

CASES ?=
SEED ?=
MINUTES ?=
SCENARIO ?=
ARGS ?=

VENV_PY := .venv/bin/python
TOOL := $(VENV_PY) -m tests.tools
RUN := sh tests/tools/with.sh
STAGES := sh tests/tools/stages.sh
export CASES SEED MINUTES

.DEFAULT_GOAL := help
.PHONY: help run demo demo-test soak soak-test symptoms example quick test test-all test-kernels truth bench faults transparent given-back lint format sanity units units-here rules checks docs dist \
	importer changelog release-check images molecule test-vm venv venv-run lock stage live apt clean bench-million bench-max

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

run: venv-run live ## how many connections this machine can hold, and what stops them; needs no root, changes nothing (ARGS=...)
	@$(RUN) sh tests/tools/run.sh $(ARGS)

demo: venv-run live ## a front tier of nine containers: found, planned, scaled, filled, proven; needs root (KEEP=1 leaves it up, ARGS=--remove)
	@$(RUN) python examples/fleet/demo.py $(ARGS)

quick: ## before a commit: linters, units, own rules, a short truth test; under 4 minutes
	@CASES="$${CASES:-40}" $(STAGES) quick venv lint rules units-here truth

test: ## everything that the README promises, in one run; as root it installs the Debian packages that it needs
	@SCENARIO="$${SCENARIO:-audit scale}" FLOOR_ARGS="--skip-test pylint" $(STAGES) test apt+venv lint+docs+importer+images sanity units checks truth molecule+test-vm

test-all: ## make test, then the long runs: pylint of the oldest ansible-core, 2000 truth cases, every scenario, every virtual machine, every fault
	@$(MAKE) --no-print-directory test
	@FAULTS=all TRANSPARENT=all RELEASES=all MINUTES="$${MINUTES:-1}" CASES="$${CASES:-2000}" $(STAGES) test-all sanity truth molecule soak soak-test demo-test symptoms example test-kernels faults transparent given-back

test-kernels: venv live ## truth tests and boot values on each release's own kernel, in emulated machines (long)
	@$(RUN) python tests/vm/run.py --all $(ARGS)

test-vm: venv live ## the short run on emulated machines
	@$(RUN) python tests/vm/run.py --quick $(ARGS)

truth: venv live ## predicted capacity against a real dialler in network namespaces (CASES=2000 SEED=1)
	@$(RUN) python -m pytest tests/truth $(ARGS)

bench: venv live ## speed and memory against ping and ss, as ratios
	@$(RUN) env PYTHONPATH="$(CURDIR)/.build/live:$(CURDIR)" python tests/bench/run.py $(ARGS)

bench-million: venv live ## a million connections held on this machine, and the probe against a bare loop (ARGS="--connections 100000")
	@$(RUN) python tests/bench/million.py $(ARGS)

bench-max: venv live ## as many connections as the memory of this machine is predicted to hold, until 1.5 GiB are left
	@$(RUN) python tests/bench/million.py --fill --compare 0 $(ARGS)

lint: venv live ## ansible-lint, yamllint, ruff, mypy --strict, changelog, licences, shellcheck
	@$(RUN) sh tests/tools/lint.sh

format: venv ## let ruff lay out the Python files (ARGS=path)
	@.venv/bin/ruff check -q --fix-only $(or $(ARGS),.) && .venv/bin/ruff format $(or $(ARGS),.)

sanity: venv live ## ansible-test sanity, no ignore file, on the newest ansible-core and the oldest promised (ARGS="--test pylint")
	@sh tests/tools/venv.sh floor
	@$(TOOL).ansible_test sanity $(ARGS)

units: venv live ## unit tests through ansible-test on every Python from 3.8 that is to be had
	@sh tests/tools/venv.sh floor
	@$(TOOL).ansible_test units $(ARGS)

units-here: venv live ## unit tests on one Python, plain pytest (ARGS="-k ports")
	@$(RUN) python -m pytest -q -n auto tests/unit $(ARGS)

rules: venv live ## imports go down only, no file names a machine, the collection works alone, the pages of the docs
	@$(RUN) python -m pytest -q tests/architecture tests/docs $(ARGS)

checks: venv live ## rules, witnesses, faults, bad hosts, playbooks, the report in a browser: all tests that are no other target's
	@$(RUN) python -m pytest -q -n 3 --dist loadfile --durations=12 tests --ignore=tests/unit --ignore=tests/truth --ignore=tests/vm --ignore=tests/bench --ignore=tests/symptoms --ignore=tests/demo/test_demo.py \
		--ignore=tests/soak/test_interrupted.py \
		--deselect tests/example/test_infrastructure.py::test_its_molecule_scenario_passes $(ARGS)

example: venv live ## examples/infrastructure from the tarball in an empty folder, with its own molecule scenario
	@$(RUN) python -m pytest -q tests/example $(ARGS)

demo-test: venv live ## make demo, whole and interrupted: what it promises comes out, and nothing of it stays
	@$(RUN) python -m pytest -q tests/demo $(ARGS)

soak: images live ## random changes, proofs, restarts and kills on containers, and what has to hold after each (MINUTES=30 SEED=1)
	@$(RUN) python -m tests.soak.run $(ARGS)

soak-test: images live ## a short soak, whole and told to end: nothing of it stays
	@$(RUN) python -m pytest -q tests/soak $(ARGS)

symptoms: venv live ## twenty causes of lost connections, made with the real programs in namespaces, and each named
	@$(RUN) python -m pytest -q -n 2 --dist loadfile tests/symptoms $(ARGS)

faults: venv live ## every writing call of a change fails once and is killed once (FAULTS=all for each, not every eighth)
	@$(RUN) python -m pytest -q tests/faults $(ARGS)

given-back: images live ## what a role does not get to run, given back, with the real programs in a container (RELEASES=all for each Debian)
	@$(RUN) python -m pytest -q tests/proxy/test_given_back.py $(ARGS)

transparent: venv live ## the transparent balancer in network namespaces (TRANSPARENT=all for every way to break it with every method)
	@$(RUN) python -m pytest -q tests/transparent $(ARGS)

docs: venv live ## check the documentation of modules and roles, and build the site in .build/docsite
	@$(RUN) sh tests/tools/docs.sh

dist: venv live ## build the tarball in .build/dist, install it in an empty folder, look at what it holds
	@$(RUN) sh tests/tools/dist.sh

importer: dist ## what Galaxy would say to the tarball; a warning is an error
	@$(RUN) sh tests/tools/importer.sh

changelog: venv ## turn changelogs/fragments into the release of the version in galaxy.yml
	@$(RUN) sh tests/tools/changelog.sh

release-check: importer ## is what is here ready to be released? version, changelog, tag, tarball, checklist, licences
	@$(RUN) sh tests/tools/release.sh

images: venv ## build the container images of the testbed (cached)
	@$(RUN) python molecule/testbed/images.py $(if $(filter images,$(MAKECMDGOALS)),$(ARGS))

molecule: images live ## scenarios on containers of Debian 11, 12 and 13 (SCENARIO="name name", all without)
	@$(RUN) sh tests/tools/molecule.sh $(SCENARIO)

apt: ## install the Debian packages that the tests need, or say which are missing
	@sh tests/tools/apt.sh

venv: ## the environment for developers, in .venv
	@sh tests/tools/venv.sh dev

venv-run:
	@sh tests/tools/venv.sh run

lock: venv ## refresh requirements*.txt from requirements*.in (needs uv)
	@sh tests/tools/lock.sh

stage: venv ## a copy for ansible-test and for the tarball, in .build/stage
	@$(TOOL).stage

live:
	@mkdir -p .build/live/ansible_collections/c10m
	@ln -sfn ../../../.. .build/live/ansible_collections/c10m/front_tier

clean: ## remove everything that was made here, but not the cache of images
	@rm -rf .build .venv .ansible tests/output
