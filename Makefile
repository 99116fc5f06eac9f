# Everything goes through npm, so that the Node of node_modules comes first on the PATH.
NODE_MODULES := node_modules/.package-lock.json
NPM := npm --silent

.PHONY: run sandbox test check bench generate clean

run: $(NODE_MODULES)
	@$(NPM) run demo

sandbox: $(NODE_MODULES)
	@$(NPM) run sandbox

test: $(NODE_MODULES)
	@$(NPM) run test

check: $(NODE_MODULES)
	@$(NPM) run check

bench: $(NODE_MODULES)
	@$(NPM) run bench

generate: $(NODE_MODULES)
	@$(NPM) run generate && $(NPM) run format

clean:
	rm -rf node_modules test/control-plane/bin test/real-istio/bin

$(NODE_MODULES): package.json package-lock.json
	@echo "installing packages ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@PATH="$(CURDIR)/node_modules/.bin:$$PATH" node -e 'process.exitCode = parseInt(process.versions.node) < 24 ? 1 : 0' \
		|| { echo "foresail needs Node 24 or newer; this is $$(node --version)" >&2; rm -f $@; exit 1; }
	@touch $@
