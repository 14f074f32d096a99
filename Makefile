.PHONY: demo test test-slow build c-library wheel deb sbom bench bench-peers bench-grid coverage fuzz soak soak-batch docs format
.NOTPARALLEL:

demo:; @Scripts/demo
test:; @Scripts/test
test-slow:; @Scripts/test slow
c-library:; @Scripts/setup build && Scripts/make-c-library .build/c-library
wheel:; @Scripts/make-wheel
deb:; @Scripts/make-deb
sbom:; @Scripts/make-sbom
build:; @Scripts/setup build && swift build -c release --static-swift-stdlib --product gesso
bench:; @Scripts/bench $(if $(SAVE),--save "$(SAVE)") $(if $(BASELINE),--baseline "$(BASELINE)")
bench-peers:; @Scripts/bench-peers
bench-grid:; @Scripts/bench-grid
coverage:; @Scripts/coverage
fuzz:; @Scripts/fuzz $(SECONDS)
soak:; @Scripts/soak
soak-batch:; @Scripts/soak batch
docs:; @Scripts/docs
format:; @swift format --in-place --recursive Sources Tests Benchmarks
