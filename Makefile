# Each target is one script in bin/; what it does and needs stands there.
.PHONY: run test lint bench soak
run:   ; @bin/run
test:  ; @bin/test
lint:  ; @bin/lint
bench: ; @bin/bench
soak:  ; @bin/soak $(SEEDS) $(SECONDS)
