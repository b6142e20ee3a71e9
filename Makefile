# Each target is one script in bin/; what it does and needs stands there.
.PHONY: run test lint bench soak package machine
run:   ; @bin/run
test:  ; @bin/test
lint:  ; @bin/lint
bench: ; @bin/bench
soak:  ; @bin/soak $(SEEDS) $(SECONDS)
package: ; @bin/package
machine: ; @bin/test under_systemd
