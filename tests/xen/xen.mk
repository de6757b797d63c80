# SPDX-License-Identifier: BSD-2-Clause
#
# The guest firmware, and the tests on a real Xen. What is fetched and built for them is kept outside the
# tree, by the hash of what it is made from, so that a fresh clone builds only what changed.

UEFISTORED_CACHE ?= $(HOME)/.cache/uefistored
export UEFISTORED_CACHE
XEN ?= 4.17
SCENARIOS ?=
FIRMWARE_SOURCES := $(shell find firmware -type f ! -name '*.md')

.PHONY: firmware xen-lab test-xen demo

firmware: $(addprefix $(BUILD)/firmware/OVMF-xen-,release.fd debug.fd) ## Build OVMF for Xen guests
$(BUILD)/firmware/OVMF-xen-%.fd: $(FIRMWARE_SOURCES)
	@firmware/build.sh --only $* $(BUILD)/firmware
	@touch $@
$(BUILD)/firmware/OVMF-xen-debug.fd: | $(BUILD)/firmware/OVMF-xen-release.fd # one at a time

xen-lab: ## Build the images of a real Xen (XEN=4.17 or 4.20)
	@tests/xen/build-lab $(XEN)
	@tests/xen/build-guests

# The firmware without messages: a guest starts in two thirds of the time.
XEN_PROGRAMS := $(addprefix $(BUILD)/release/,uefistored uefistored-verifier varstore)
XEN_FIRMWARE := $(BUILD)/firmware/OVMF-xen-release.fd

test-xen: $(XEN_PROGRAMS) $(XEN_FIRMWARE) ## Test on a real Xen (XEN=4.17 or 4.20)
	@tests/xen/test-xen --xen $(XEN) --out $(BUILD)/xen-$(XEN) $(BUILD)/release $(XEN_FIRMWARE) $(SCENARIOS)

demo: $(XEN_PROGRAMS) $(XEN_FIRMWARE) ## A real Xen, a real guest, Secure Boot: what the daemon does
	@tests/xen/test-xen --xen $(XEN) --out $(BUILD)/demo $(BUILD)/release $(XEN_FIRMWARE) demo
