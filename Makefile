# SPDX-License-Identifier: BSD-2-Clause
#
# One Makefile, no recursion, out of tree: everything that is made lies under build/<variant>/.
# `make help` lists the targets. A variant is a set of flags; a rule names the variant in its path.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
FIRMWAREDIR ?= $(PREFIX)/lib/uefistored
# uefistored-dm looks here only.
SYSCONFDIR ?= /etc
DESTDIR ?=
BUILD ?= build
WERROR ?=
comma := ,
VERSION := $(shell cat VERSION)$(shell git describe --always --dirty 2>/dev/null | sed 's/^/+/' || true)

# Targets that need more than a compiler first see to their packages: installed by root, named otherwise.
PACKAGE_GROUPS := $(if $(filter demo-local all uefistored install install-firmware,$(MAKECMDGOALS)),build) \
	$(if $(filter test test-nosan bench,$(MAKECMDGOALS)),build test) \
	$(if $(filter fuzz scan-build check-format format,$(MAKECMDGOALS)),build test analysis) \
	$(if $(filter cover,$(MAKECMDGOALS)),build test cover) \
	$(if $(filter firmware install-firmware,$(MAKECMDGOALS)),firmware) \
	$(if $(filter xen-lab,$(MAKECMDGOALS)),lab) \
	$(if $(filter test-xen demo,$(MAKECMDGOALS)),build firmware lab)
ifneq ($(strip $(PACKAGE_GROUPS)),)
-include $(BUILD)/packages-$(subst $() ,-,$(sort $(PACKAGE_GROUPS))).mk
endif
$(BUILD)/packages-%.mk: scripts/packages.sh
	@mkdir -p $(@D)
	@scripts/packages.sh $(subst -, ,$*) && touch $@

# What this machine has: HAVE_XEN and the like. Made anew at each run, taken up when it changed.
-include $(BUILD)/config.mk
$(BUILD)/config.mk: scripts/configure.sh FORCE
	@mkdir -p $(@D)
	@scripts/configure.sh $@
FORCE:

# ---------------------------------------------------------------------------------------------- flags

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wmissing-prototypes \
	-Wstrict-prototypes -Wundef -Wpointer-arith -Wwrite-strings $(if $(WERROR),-Werror)
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -Isrc -g -fPIE \
	-ffunction-sections -fdata-sections -MMD -MP $(CONFIG_CFLAGS)
BASE_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CC_release := $(CC)
CFLAGS_release := -O2 $(HARDENING)
CC_debug := $(CC)
CFLAGS_debug := -Og
CC_test := $(CC)
CFLAGS_test := -O1 $(SANITIZE) -DINSTRUMENTED
CC_nosan := $(CC)
CFLAGS_nosan := -O2 $(HARDENING)
CC_clang := clang
CFLAGS_clang := -O2 $(filter-out -fstack-clash-protection,$(HARDENING))
CC_fuzz := clang
CFLAGS_fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
CC_cover := $(CC)
CFLAGS_cover := -O0 --coverage -DINSTRUMENTED

# $(call run,WHAT,command): one short line for each file; with V=1 the command itself.
run = @$(if $(V),set -x;,printf '  %-5s %s\n' $(1) $@;) $(2)

# ---------------------------------------------------------------------------------------------- sources

LIB_SOURCES := $(filter-out $(CONFIG_WITHOUT),$(wildcard src/base/*.c src/wire/*.c src/store/*.c \
	src/crypto/*.c src/auth/*.c src/service/*.c src/backend/*.c src/transport/*.c))
DAEMON_SOURCES := $(wildcard src/daemon/*.c)
VERIFIER_SOURCES := $(wildcard src/verifier/*.c) src/daemon/sandbox.c
TOOLS_SOURCES := $(wildcard src/tools/*.c)
TOOL_NAMES := varstore-ls varstore-get varstore-set varstore-rm varstore-sb-state varstore-nvram-certcheck create-auth secureboot-certs
SUPPORT_SOURCES := $(filter-out $(CONFIG_WITHOUT),$(wildcard tests/support/*.c))
TESTS := $(patsubst tests/%.c,%,$(filter-out $(CONFIG_WITHOUT),$(wildcard tests/unit/*_test.c tests/contract/*_test.c)))
PROGRAMS := $(patsubst tests/%.c,%,$(filter-out $(CONFIG_WITHOUT),$(wildcard tests/programs/*.c)))
FUZZERS := $(patsubst tests/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
BENCHES := $(patsubst tests/%.c,%,$(filter-out $(CONFIG_WITHOUT),$(wildcard tests/bench/*_bench.c)))
XENSTUBS := $(if $(findstring HAVE_XEN,$(CONFIG_CFLAGS)),$(patsubst tests/xenstub/%.map,%,$(wildcard tests/xenstub/*.map)))
MANPAGES := $(patsubst man/%.scd,%,$(wildcard man/*.scd))
COMPLETIONS := $(notdir $(wildcard packaging/bash-completion/*))
FIRMWARE_FILES := OVMF-xen-debug.fd OVMF-xen-release.fd firmware.txt
DM_CONF := $(SYSCONFDIR)/uefistored/uefistored-dm.conf
C_FILES := $(sort $(wildcard src/*/*.[ch] tests/*/*.[ch]))

# Everything of one variant. $(1): the variant.
define variant_rules
$(BUILD)/$(1)/obj/src/daemon/%.o: BASE_CFLAGS += -DUEFISTORED_VERSION='"$(VERSION)"' \
	-DVERIFIER_PATH='"$(LIBEXECDIR)/uefistored/uefistored-verifier"'
$(BUILD)/$(1)/obj/src/tools/tool.o: BASE_CFLAGS += -DUEFISTORED_VERSION='"$(VERSION)"'
$(BUILD)/$(1)/obj/%.o: %.c $(BUILD)/$(1)/flags
	@mkdir -p $$(@D)
	$$(call run,CC,$$(CC_$(1)) $$(BASE_CFLAGS) $$(CFLAGS_$(1)) $$(WARNINGS) $$(CFLAGS) -Itests -c $$< -o $$@)

$(BUILD)/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(CC_$(1)) $$(CFLAGS_$(1)) $$(CFLAGS) $$(CONFIG_CFLAGS) $$(WERROR) $$(LIBEXECDIR)' | cmp -s - $$@ || \
		echo '$$(CC_$(1)) $$(CFLAGS_$(1)) $$(CFLAGS) $$(CONFIG_CFLAGS) $$(WERROR) $$(LIBEXECDIR)' > $$@

$(BUILD)/$(1)/libuefistored.a: $$(LIB_SOURCES:%.c=$(BUILD)/$(1)/obj/%.o)
	@rm -f $$@
	$$(call run,AR,$$(AR) rcs $$@ $$^)

$(BUILD)/$(1)/uefistored: $$(DAEMON_SOURCES:%.c=$(BUILD)/$(1)/obj/%.o) $(BUILD)/$(1)/libuefistored.a
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) $$(BASE_LDFLAGS) $$(LDFLAGS) $$^ $$(CONFIG_LIBS) -o $$@)

$(BUILD)/$(1)/uefistored-verifier: $$(VERIFIER_SOURCES:%.c=$(BUILD)/$(1)/obj/%.o) $(BUILD)/$(1)/libuefistored.a
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) $$(BASE_LDFLAGS) $$(LDFLAGS) $$^ $$(CONFIG_LIBS) -o $$@)

$(BUILD)/$(1)/varstore: $(BUILD)/$(1)/obj/src/tools/varstore.o $(BUILD)/$(1)/libvarstore.a $(BUILD)/$(1)/libuefistored.a
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) $$(BASE_LDFLAGS) $$(LDFLAGS) $$^ $$(CONFIG_LIBS) -o $$@)

$(BUILD)/$(1)/libvarstore.a: $$(patsubst %.c,$(BUILD)/$(1)/obj/%.o,$$(filter-out src/tools/varstore.c,$$(TOOLS_SOURCES)))
	@rm -f $$@
	$$(call run,AR,$$(AR) rcs $$@ $$^)

$(BUILD)/$(1)/libsupport.a: $$(SUPPORT_SOURCES:%.c=$(BUILD)/$(1)/obj/%.o)
	@rm -f $$@
	$$(call run,AR,$$(AR) rcs $$@ $$^)

$$(TESTS:%=$(BUILD)/$(1)/tests/%): $(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/obj/tests/%.o \
		$(BUILD)/$(1)/libsupport.a $(BUILD)/$(1)/libvarstore.a $(BUILD)/$(1)/libuefistored.a
	@mkdir -p $$(@D)
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) $$(BASE_LDFLAGS) $$(LDFLAGS) $$(TEST_LDFLAGS) $$^ $$(CONFIG_LIBS) -lcmocka -o $$@)

$$(PROGRAMS:%=$(BUILD)/$(1)/tests/%) $$(BENCHES:%=$(BUILD)/$(1)/tests/%): \
		$(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/obj/tests/%.o $(BUILD)/$(1)/libsupport.a \
		$(BUILD)/$(1)/libvarstore.a $(BUILD)/$(1)/libuefistored.a
	@mkdir -p $$(@D)
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) $$(BASE_LDFLAGS) $$(LDFLAGS) $$^ $$(CONFIG_LIBS) -o $$@)

$$(FUZZERS:%=$(BUILD)/$(1)/tests/%): $(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/obj/tests/%.o \
		$(BUILD)/$(1)/libsupport.a $(BUILD)/$(1)/libvarstore.a $(BUILD)/$(1)/libuefistored.a
	@mkdir -p $$(@D)
	$$(call run,LD,$$(CC_$(1)) $$(CFLAGS_$(1)) -fsanitize=fuzzer $$(LDFLAGS) $$^ $$(CONFIG_LIBS) -o $$@)

# The guest's driver for the tests, and the headers of edk2 that it includes.
$(BUILD)/$(1)/obj/tests/support/firmware.o: BASE_CFLAGS += -Ifirmware/XenVariablePkg/Include -I$(BUILD)/edk2
$(BUILD)/$(1)/obj/tests/support/firmware.o: | $(BUILD)/edk2/made

# The stand-in for Xen's libraries, used by means of LD_LIBRARY_PATH.
$(BUILD)/$(1)/xenstub/libxen%.so.1: tests/xenstub/%.c tests/xenstub/%.map tests/xenstub/common.h tests/xenstub/xenstub.h
	@mkdir -p $$(@D)
	$$(CC) -std=c17 -D_GNU_SOURCE -D__XEN_TOOLS__ $$(WARNINGS) -O2 -g -fPIC -shared -Itests $$< \
		-Wl,-soname,$$(@F) -Wl,--version-script=tests/xenstub/$$*.map -o $$@

# Everything that a test run of this variant needs.
$(BUILD)/$(1)/ready: $(BUILD)/$(1)/uefistored $(BUILD)/$(1)/uefistored-verifier $$(if $$(TOOLS_SOURCES),$(BUILD)/$(1)/varstore) \
		$$(TESTS:%=$(BUILD)/$(1)/tests/%) $$(PROGRAMS:%=$(BUILD)/$(1)/tests/%) \
		$$(XENSTUBS:%=$(BUILD)/$(1)/xenstub/libxen%.so.1)
	@touch $$@
endef
$(BUILD)/edk2/made: $(wildcard firmware/XenVariablePkg/XenVariableDxe/*.[ch])
	@sed -n 's/^#include <\(.*\)>.*/\1/p' $^ | grep -v '^XenVariableProtocol' | sort -u | while read -r header; do \
		mkdir -p $(@D)/$$(dirname $$header); echo '#include "support/edk2.h"' > $(@D)/$$header; done
	@touch $@

VARIANTS := release debug test nosan clang fuzz cover
$(foreach variant,$(VARIANTS),$(eval $(call variant_rules,$(variant))))
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Tests that make calls fail are linked with wrappers around them.
ALLOC_FAULT_LDFLAGS := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc strdup)
FILE_FAULT_LDFLAGS := $(addprefix -Wl$(comma)--wrap=,mkdir mkdirat open openat read write pread fsync close \
	renameat unlinkat linkat flock ftruncate fstat fstatat faccessat fchown fcntl fdopendir readdir closedir)
define fault_flags
$(foreach test,$(patsubst tests/%.c,%,$(shell grep -ls 'support/$(1)_fault.h' tests/unit/*.c tests/contract/*.c)), \
	$(foreach variant,$(VARIANTS),$(eval $(BUILD)/$(variant)/tests/$(test): TEST_LDFLAGS += $(2))))
endef
$(call fault_flags,alloc,$(ALLOC_FAULT_LDFLAGS))
$(call fault_flags,file,$(FILE_FAULT_LDFLAGS))

# ---------------------------------------------------------------------------------------------- targets

.PHONY: all uefistored uefistored-debug tools man test test-nosan install install-firmware uninstall deploy help \
	scan-build demo-local demo bench fuzz check-layers format check-format cover clean FORCE

all: uefistored tools man ## Build the daemon, the tools and the man pages

uefistored: $(BUILD)/release/uefistored $(BUILD)/release/uefistored-verifier ## Build the daemon (build/release/uefistored)

uefistored-debug: $(BUILD)/debug/uefistored $(BUILD)/debug/uefistored-verifier ## Build the daemon with debug symbols, not optimised

tools: $(if $(TOOLS_SOURCES),$(BUILD)/release/varstore) ## Build the command-line tools

man: $(MANPAGES:%=$(BUILD)/man/%) ## Build the man pages

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	$(call run,MAN,scdoc < $< > $@)

test: $(BUILD)/test/ready ## Run all tests with address and undefined-behaviour sanitizers
	tests/run.sh $(BUILD)/test

test-nosan: $(BUILD)/nosan/ready ## Run all tests on an optimised build without sanitizers
	tests/run.sh $(BUILD)/nosan

clang: $(BUILD)/clang/ready ## Build everything with clang

demo-local: uefistored $(PROGRAMS:%=$(BUILD)/release/tests/%) ## The quick demo, without Xen
	tests/demo.sh $(BUILD)/release

bench: uefistored tools $(BENCHES:%=$(BUILD)/release/tests/%) $(PROGRAMS:%=$(BUILD)/release/tests/%) $(XENSTUBS:%=$(BUILD)/release/xenstub/libxen%.so.1) ## Run the benchmarks
	tests/bench.sh $(BUILD)/release

FUZZ_SECONDS ?= 60
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/tests/%) $(BUILD)/fuzz/tests/programs/make_fuzz_seeds ## Run each fuzzer for FUZZ_SECONDS (60)
	tests/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS)

check-layers: ## Check that includes go one way only
	@scripts/check-layers.sh

format: ## Lay out the C sources with clang-format
	@clang-format -i $(C_FILES)

check-format: ## Check the layout of the C sources
	@clang-format --dry-run -Werror $(C_FILES) && echo "check-format: $(words $(C_FILES)) files"

# unix.Malloc is off: clang 14 doesn't know __attribute__((cleanup)) and calls every auto_free a leak. What leaks fails the
# tests, which run under LeakSanitizer.
scan-build: ## Static analysis with clang; any finding is an error
	@rm -rf $(BUILD)/release-scan
	scan-build --status-bugs --use-cc=clang -disable-checker unix.Malloc $(MAKE) BUILD=$(BUILD)/release-scan $(BUILD)/release-scan/release/uefistored \
		$(BUILD)/release-scan/release/uefistored-verifier \
		$(if $(TOOLS_SOURCES),$(BUILD)/release-scan/release/varstore)

cover: $(BUILD)/cover/ready ## Measure the tests' line and branch coverage
	find $(BUILD)/cover -name '*.gcda' -delete
	tests/run.sh $(BUILD)/cover
	gcovr --root . --filter src/ --object-directory $(BUILD)/cover --print-summary | tail -n +1

# A settings file that is there stays as it is: it is the administrator's.
install: all ## Install below DESTDIR and PREFIX (/usr/local)
	install -D -m 0755 $(BUILD)/release/uefistored $(DESTDIR)$(SBINDIR)/uefistored
	install -D -m 0755 $(BUILD)/release/uefistored-verifier $(DESTDIR)$(LIBEXECDIR)/uefistored/uefistored-verifier
	ln -sf uefistored $(DESTDIR)$(SBINDIR)/varstored
	install -D -m 0755 $(BUILD)/release/varstore $(DESTDIR)$(BINDIR)/varstore
	for name in $(TOOL_NAMES); do ln -sf varstore $(DESTDIR)$(BINDIR)/$$name; done
	install -D -m 0755 packaging/xl/uefistored-dm $(DESTDIR)$(LIBEXECDIR)/uefistored/uefistored-dm
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/uefistored/vms $(DESTDIR)$(SYSCONFDIR)/uefistored/keys
	[ -e $(DESTDIR)$(DM_CONF) ] || install -m 0644 packaging/xl/uefistored-dm.conf $(DESTDIR)$(DM_CONF)
	for name in $(COMPLETIONS); do \
		install -D -m 0644 packaging/bash-completion/$$name $(DESTDIR)$(COMPLETIONDIR)/$$name; done
	for page in $(MANPAGES); do \
		install -D -m 0644 $(BUILD)/man/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done

install-firmware: firmware ## Install OVMF for Xen guests (make firmware) for uefistored-dm
	for file in $(FIRMWARE_FILES); do \
		install -D -m 0644 $(BUILD)/firmware/$$file $(DESTDIR)$(FIRMWAREDIR)/$$file; done

uninstall: ## Remove what install and install-firmware put there; keep settings that were changed
	rm -f $(DESTDIR)$(SBINDIR)/uefistored $(DESTDIR)$(SBINDIR)/varstored \
		$(addprefix $(DESTDIR)$(LIBEXECDIR)/uefistored/,uefistored-verifier uefistored-dm) \
		$(addprefix $(DESTDIR)$(FIRMWAREDIR)/,$(FIRMWARE_FILES)) \
		$(addprefix $(DESTDIR)$(BINDIR)/,varstore $(TOOL_NAMES)) $(addprefix $(DESTDIR)$(COMPLETIONDIR)/,$(COMPLETIONS))
	for page in $(MANPAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	! cmp -s packaging/xl/uefistored-dm.conf $(DESTDIR)$(DM_CONF) || rm -f $(DESTDIR)$(DM_CONF)
	[ ! -e $(DESTDIR)$(DM_CONF) ] || echo "kept: $(DESTDIR)$(DM_CONF)"
	for dir in $(LIBEXECDIR)/uefistored $(FIRMWAREDIR) $(SYSCONFDIR)/uefistored/{vms,keys,}; do \
		[ ! -d $(DESTDIR)$$dir ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$$dir; done

deploy: $(BUILD)/release/uefistored $(BUILD)/release/uefistored-verifier ## Copy the daemon to HOST (HOST=name make deploy)
	@test -n "$(HOST)" || { echo "deploy: name the host: HOST=name make deploy" >&2; exit 2; }
	scp $< root@$(HOST):/usr/sbin/uefistored
	ssh root@$(HOST) mkdir -p $(LIBEXECDIR)/uefistored
	scp $(word 2,$^) root@$(HOST):$(LIBEXECDIR)/uefistored/
	ssh root@$(HOST) ln -sf uefistored /usr/sbin/varstored

include tests/xen/xen.mk

help: ## Show this list
	@echo
	@echo "uefistored - UEFI variables and Secure Boot for Xen guests"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1:	\2/p' Makefile tests/xen/xen.mk | expand -t 20
	@echo

clean: ## Remove everything that was built
	rm -rf $(BUILD)
