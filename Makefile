# Daftari: the only makefile. `make help` lists the targets; nothing is written outside build/ but by `make install`.

VARIANT ?= release
V       ?= 0
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
B       := build/$(VARIANT)
GEN     := build/gen
VERSION := 0.1.0

comma := ,
ifeq ($(V),0)
Q    := @
SAY   = @printf '  %-8s %s\n' "$(1)" "$(2)";
else
Q    :=
SAY  :=
endif

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
all: ## build the programs, the client library and the manual pages
.PHONY: all

# ---- libraries from Debian -------------------------------------------------------------------------------------

PACKAGES := lmdb libevent libevent_openssl libprotobuf-c libssl libcrypto jansson libutf8proc libsystemd libxxhash
# These work before anything is installed: what they build, they build in a second make after `deps`.
BARE_GOALS := deps help check lint fuzz systemd demo demo-stop demo-clean clean
NEED_PACKAGES := $(filter-out $(BARE_GOALS),$(or $(MAKECMDGOALS),all))
ifneq ($(NEED_PACKAGES),)
ifneq ($(shell pkg-config --exists $(PACKAGES) && echo yes),yes)
$(error libraries are missing: run 'make deps' first (it needs root or sudo))
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES))
LIBS       := $(shell pkg-config --libs $(PACKAGES)) -lpthread
CLIENT_LIBS := $(shell pkg-config --libs libprotobuf-c libssl libcrypto jansson libutf8proc)
CMOCKA_LIBS := $(shell pkg-config --libs cmocka 2>/dev/null)
endif

# ---- flags -----------------------------------------------------------------------------------------------------

STD      := -std=c17 -D_GNU_SOURCE
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wformat=2 -Wundef -Wfloat-equal -Wwrite-strings -Werror
GCC_WARN := -Wlogical-op -Wduplicated-cond -Wcast-align=strict
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIC
INCLUDES := -I. -I$(GEN) -Iclient/include
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed

OPT_release := -O2 -g -D_FORTIFY_SOURCE=3
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
OPT_cov     := -O0 -g --coverage
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ifeq ($(VARIANT),fuzz)
override CC := $(if $(findstring ccache,$(CC)),ccache )clang-14
endif
ifeq ($(findstring clang,$(CC)),)
WARN     += $(GCC_WARN)
ifneq ($(VARIANT),release)
WARN     += -Wno-maybe-uninitialized # instrumented or unoptimised code makes gcc guess; the release build is the judge
endif
endif
OPT      := $(OPT_$(VARIANT))
ifeq ($(OPT),)
$(error unknown VARIANT=$(VARIANT): release, debug, asan, tsan, cov or fuzz)
endif

OUR_CFLAGS  := $(STD) $(WARN) $(OPT) $(HARDEN) $(INCLUDES) $(PKG_CFLAGS) -ffile-prefix-map=$(CURDIR)=. \
               -DDAFTARI_VERSION='"$(VERSION)"' -MMD -MP
GEN_CFLAGS  := $(STD) -w $(OPT) $(HARDEN) $(INCLUDES) $(PKG_CFLAGS) -ffile-prefix-map=$(CURDIR)=. -MMD -MP
OUR_LDFLAGS := $(filter -fsanitize=% --coverage,$(patsubst -fsanitize=fuzzer-no-link%,-fsanitize=address$(comma)undefined,$(OPT))) $(LDHARDEN)

# Objects depend on a stamp that changes only when compiler or flags do.
FLAGS_TEXT := $(CC) $(OUR_CFLAGS) $(CFLAGS) $(CPPFLAGS)
$(B)/flags.stamp: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_TEXT))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_TEXT))' > $@
FORCE:
.PHONY: FORCE

# ---- generated sources -----------------------------------------------------------------------------------------

SCHEMAS  := $(sort $(wildcard proto/schema/*.proto))
PB_C     := $(patsubst proto/schema/%.proto,$(GEN)/%.pb-c.c,$(SCHEMAS))
PB_H     := $(PB_C:.c=.h)
GEN_H    := $(PB_H) $(GEN)/type_ids.h $(GEN)/schema_texts.h

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: proto/schema/%.proto
	@mkdir -p $(GEN)
	$(call SAY,PROTOC,$<)protoc-c -Iproto/schema --c_out=$(GEN) $<

# Comments of the schemas and which methods stream, for help texts.
$(GEN)/schema_texts.h: $(SCHEMAS) tools/dev/schema-texts
	@mkdir -p $(GEN)
	$(call SAY,GEN,$@)tools/dev/schema-texts $(SCHEMAS) > $@.tmp && mv $@.tmp $@

# Record type numbers and payloads as C, from the append-only list.
$(GEN)/type_ids.h: proto/TYPE_IDS tools/dev/type-ids
	@mkdir -p $(GEN)
	$(call SAY,GEN,$@)tools/dev/type-ids < $< > $@.tmp && mv $@.tmp $@

numbers: ## write down the numbers that the schemas have newly given, for good (proto/NUMBERS)
	@tools/dev/schema-rows proto | grep -v ^syntax | LC_ALL=C sort -u - proto/NUMBERS > $(GEN)/numbers && mv $(GEN)/numbers proto/NUMBERS
.PHONY: numbers

# ---- one static library per folder: `.list` changes when a source file comes or goes -----------------------------------------------------------------------------

LAYERS := proto/base proto/wire proto/record client/src client/cli client/outbox server/base server/domain server/log \
          server/store server/writer server/views server/access server/net server/app \
          tools/common tools/audit tools/archive tools/bench
layer_src = $(sort $(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*/*.c))
layer_lib = $(B)/lib/lib$(subst /,-,$(1)).a

define LAYER
OBJ_$(1) := $$(patsubst %.c,$(B)/obj/%.o,$$(filter-out %/main.c,$$(call layer_src,$(1))))
$$(call layer_lib,$(1)): $$(OBJ_$(1)) $$(call layer_lib,$(1)).list
	@mkdir -p $$(@D)
	$$(call SAY,AR,$$@)rm -f $$@ && ar rcsD $$@ $$(filter %.o,$$^)
$$(call layer_lib,$(1)).list: FORCE
	@mkdir -p $$(@D); echo '$$(OBJ_$(1))' | cmp -s - $$@ || echo '$$(OBJ_$(1))' > $$@
endef
$(foreach layer,$(LAYERS),$(eval $(call LAYER,$(layer))))

OBJ_GEN := $(patsubst $(GEN)/%.c,$(B)/obj/gen/%.o,$(PB_C))
LIB_GEN := $(B)/lib/libgen.a
$(LIB_GEN): $(OBJ_GEN)
	@mkdir -p $(@D)
	$(call SAY,AR,$@)rm -f $@ && ar rcsD $@ $^
$(B)/obj/gen/%.o: $(GEN)/%.c $(B)/flags.stamp | $(GEN_H)
	@mkdir -p $(@D)
	$(call SAY,CC,$<)$(CC) $(GEN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/obj/%.o: %.c $(B)/flags.stamp | $(GEN_H)
	@mkdir -p $(@D)
	$(call SAY,CC,$<)$(CC) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

libs = $(foreach layer,$(1),$(call layer_lib,$(layer)))
PROTO_LIBS  := $(call libs,proto/record proto/wire proto/base) $(LIB_GEN)
SERVER_LIBS := $(call libs,server/app server/net server/access server/views server/writer server/log server/store \
               server/domain server/base) $(PROTO_LIBS)
CLIENT_SET  := $(call libs,client/outbox client/src) $(PROTO_LIBS)
OFFLINE_LIBS := $(call libs,tools/common server/views server/log server/store server/domain server/base)

# ---- programs --------------------------------------------------------------------------------------------------

PROGRAMS :=
define PROGRAM # name, main source, libraries
ifneq ($$(wildcard $(2)),)
PROGRAMS += $(B)/bin/$(1)
$(B)/bin/$(1): $(B)/obj/$(2:.c=.o) $(3)
	@mkdir -p $$(@D)
	$$(call SAY,LINK,$$@)$$(CC) $$(OUR_LDFLAGS) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $(3) -Wl,--end-group $$(LIBS)
endif
endef
$(eval $(call PROGRAM,daftarid,server/app/main.c,$(SERVER_LIBS)))
$(eval $(call PROGRAM,daftari,client/cli/main.c,$(call libs,client/cli) $(CLIENT_SET)))
$(eval $(call PROGRAM,daftari-audit,tools/audit/main.c,$(call libs,tools/audit client/cli) $(OFFLINE_LIBS) $(CLIENT_SET)))
$(eval $(call PROGRAM,daftari-archive,tools/archive/main.c,$(call libs,tools/archive) $(OFFLINE_LIBS) $(CLIENT_SET)))
$(eval $(call PROGRAM,daftari-bench,tools/bench/main.c,$(call libs,tools/bench) $(CLIENT_SET)))

libs: $(call libs,$(LAYERS)) $(LIB_GEN) # every folder compiles, whoever uses it
all: libs $(PROGRAMS)
.PHONY: libs

# ---- the client library ----------------------------------------------------------------------------------------
#
# client/src, client/outbox and proto/, shared and static, with nothing but the dft_ symbols of the public header to be
# seen. SOVERSION rises when a program built against an older header would break.

SOVERSION := 0
LIB_SO := $(B)/lib/libdaftari.so.$(VERSION)
LIB_A  := $(B)/lib/libdaftari.a
CLIENT_LIBS_PRIVATE := libprotobuf-c libssl libcrypto
$(LIB_SO): $(CLIENT_SET) client/libdaftari.map
	$(call SAY,LINK,$@)$(CC) -shared -Wl,-soname,libdaftari.so.$(SOVERSION) -Wl,--version-script=client/libdaftari.map \
	    $(filter-out -pie,$(OUR_LDFLAGS)) $(if $(findstring sanitize,$(OPT)),,-Wl,--no-undefined) -Wl,-Bsymbolic $(LDFLAGS) -o $@ \
	    -Wl,--whole-archive $(CLIENT_SET) -Wl,--no-whole-archive $(LIBS)
	$(Q)ln -sf $(@F) $(B)/lib/libdaftari.so.$(SOVERSION) && ln -sf $(@F) $(B)/lib/libdaftari.so
$(LIB_A): $(CLIENT_SET)
	$(call SAY,AR,$@)rm -f $@ && ld -r -o $(B)/lib/daftari.o --whole-archive $(CLIENT_SET) && \
	    objcopy --wildcard --keep-global-symbol='dft_*' $(B)/lib/daftari.o && ar rcsD $@ $(B)/lib/daftari.o

EXAMPLES := $(patsubst client/examples/%.c,$(B)/examples/%,$(sort $(wildcard client/examples/*.c)))
$(B)/examples/%: client/examples/%.c $(LIB_SO) client/include/daftari/daftari.h | $(GEN_H)
	@mkdir -p $(@D)
	$(call SAY,LINK,$@)$(CC) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -MF $(B)/obj/example-$*.d -o $@ $< \
	    $(LIB_GEN) -L$(B)/lib -Wl,-rpath,'$$ORIGIN/../lib' -ldaftari -lprotobuf-c
all: $(LIB_SO) $(LIB_A) $(EXAMPLES)

# ---- tests -----------------------------------------------------------------------------------------------------
#
# tests/*/t_*.c are cmocka programs; tests/fuzz/f_*.c are fuzz harnesses, which in every variant but `fuzz` link with
# tests/support/fuzz_main.c and replay their corpus; tests/system/*.sh and tests/interop/*.sh are scripts;
# tools/dev/check-* are the gates over the source. All of them print TAP lines, and tests/support/run adds up.

TEST_SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
ifeq ($(VARIANT),fuzz)
TEST_SUPPORT_SRC := $(filter-out %/fuzz_main.c,$(TEST_SUPPORT_SRC))
endif
TEST_SUPPORT := $(B)/lib/libtest-support.a
$(TEST_SUPPORT): $(patsubst %.c,$(B)/obj/%.o,$(TEST_SUPPORT_SRC))
	@mkdir -p $(@D)
	$(call SAY,AR,$@)rm -f $@ && ar rcsD $@ $^
TEST_SRC  := $(sort $(wildcard tests/unit/t_*.c tests/model/t_*.c tests/contract/t_*.c tests/golden/t_*.c tests/fault/t_*.c tests/system/t_*.c))
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/f_*.c))
TEST_BIN  := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC) $(FUZZ_SRC))
TEST_LIBS := $(TEST_SUPPORT) $(SERVER_LIBS) $(CLIENT_SET) $(call libs,client/cli tools/common tools/audit)
$(B)/tests/%: $(B)/obj/tests/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	$(call SAY,LINK,$@)$(CC) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(CMOCKA_LIBS)

GATES   := $(sort $(wildcard tools/dev/check-*))
SCRIPTS := $(sort $(wildcard tests/interop/*.sh tests/system/*.sh))
CPUS    := $(shell nproc 2>/dev/null || echo 2)
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(CPUS))
RUN      = BUILD='$(CURDIR)/$(B)' CC='$(CC)' tests/support/run --bin $(B)/bin --jobs $(CPUS) $(if $(T),--only $(T)) $(if $(TALLY),--tally $(TALLY))

check: deps ## install what is needed, build, run every gate and test; the last line is "N passed, M failed"
	@$(MAKE) --no-print-directory $(PARALLEL) check-build || { echo '0 passed, 1 failed'; exit 1; }
	@$(MAKE) --no-print-directory check-run
check-quick: ## gates and compiled tests only, nothing installed
	@$(MAKE) --no-print-directory $(PARALLEL) check-build
	@$(RUN) $(GATES) $(TEST_BIN)
check-unit: $(TEST_BIN) $(PROGRAMS) ## build and run the compiled tests (T=name runs those whose path contains name)
	@$(RUN) $(TEST_BIN)
check-build: all $(TEST_BIN)
check-run:
	@$(RUN) $(GATES) $(SCRIPTS) $(TEST_BIN)
.PHONY: check check-quick check-unit check-build check-run

# ---- slow lanes, all run by .ci/run ------------------------------------------------------------------------------

lint: ## clang-tidy, cppcheck and shellcheck over everything (slow)
	@tools/dev/deps
	@$(MAKE) --no-print-directory $(PARALLEL) $(GEN)/all.stamp
	@TALLY='$(TALLY)' tools/dev/lint $(if $(T),--only $(T))
$(GEN)/all.stamp: $(GEN_H)
	@touch $@

FUZZ_SECONDS ?= 10
fuzz: ## run every fuzz harness (T=name: those whose name contains it) for FUZZ_SECONDS (default 10) under libFuzzer
	@tools/dev/deps
	@$(MAKE) --no-print-directory $(PARALLEL) VARIANT=fuzz fuzz-build
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_SEED='$(FUZZ_SEED)' FUZZ_ONLY='$(T)' tests/support/run $(if $(TALLY),--tally $(TALLY)) --seconds 7200 tools/dev/fuzz
FUZZ_BIN := $(foreach f,$(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC)),$(if $(or $(if $(T),,all),$(findstring $(T),$(notdir $(f)))),$(f)))
fuzz-build: $(FUZZ_BIN)
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	$(call SAY,LINK,$@)$(CC) -fsanitize=fuzzer $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

cov: ## run the compiled tests with coverage; report in build/cov/report
	@$(MAKE) --no-print-directory $(PARALLEL) VARIANT=cov check-unit
	@mkdir -p build/cov/report
	gcovr --root . --object-directory build/cov/obj --exclude build --exclude tests --branches --html-details build/cov/report/index.html --print-summary
systemd: ## start the installed unit under a systemd of its own, in a Debian made for it (root, mounts; two minutes)
	@tools/dev/deps && tools/dev/deps tools/dev/packages-systemd
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@CC='$(CC)' tests/support/run $(if $(TALLY),--tally $(TALLY)) --seconds 900 tools/dev/systemd
.PHONY: lint fuzz fuzz-build cov systemd

# ---- set-up and demonstration ------------------------------------------------------------------------------------

deps: ## install the Debian packages of tools/dev/packages that are missing (root or sudo)
	@tools/dev/deps
demo: deps ## install what is needed, build, start a server with three businesses and show it working
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@tools/dev/demo start
bench: all ## measure: a server of its own under every kind of load, a few minutes (docs/performance.md)
	@tools/dev/bench
bench-full: all ## the same with 10 million entries: an hour or more, 40 GiB of disk
	@tools/dev/bench --full --runs 1
.PHONY: bench bench-full
demo-stop: ## stop the server of `make demo`
	@tools/dev/demo stop
demo-clean: ## stop it and remove its data
	@tools/dev/demo clean
.PHONY: deps demo demo-stop demo-clean

# ---- installation ------------------------------------------------------------------------------------------------

prefix       ?= /usr/local
exec_prefix  ?= $(prefix)
bindir       ?= $(exec_prefix)/bin
sbindir      ?= $(exec_prefix)/sbin
libdir       ?= $(exec_prefix)/lib
includedir   ?= $(prefix)/include
datarootdir  ?= $(prefix)/share
mandir       ?= $(datarootdir)/man
docdir       ?= $(datarootdir)/doc/daftari
schemadir    ?= $(datarootdir)/daftari/schema
# wherever the programs go: daftarid looks there by itself, and the pages for operators say so
sysconfdir   ?= /etc
unitdir      ?= $(prefix)/lib/systemd/system
sysusersdir  ?= $(prefix)/lib/sysusers.d
completiondir ?= $(datarootdir)/bash-completion/completions

MANUALS := $(sort $(wildcard docs/man/*.[1-8]))
DOCS    := $(sort $(wildcard docs/*.md docs/*/*.md))
COMPLETION := $(if $(filter %/daftari,$(PROGRAMS)),$(B)/install/daftari.bash)
FILLED  := $(B)/install/daftarid.service $(B)/install/daftari.pc $(COMPLETION)
FILL    := sed -e 's|@prefix@|$(prefix)|g' -e 's|@sbindir@|$(sbindir)|g' -e 's|@sysconfdir@|$(sysconfdir)|g' \
           -e 's|@libdir@|$(libdir)|g' -e 's|@schemadir@|$(schemadir)|g' -e 's|@includedir@|$(includedir)|g' -e 's|@VERSION@|$(VERSION)|g'
$(B)/install/%: server/app/%.in FORCE
	@mkdir -p $(@D) && $(FILL) $< > $@
$(B)/install/%: client/%.in FORCE
	@mkdir -p $(@D) && $(FILL) $< > $@
$(B)/install/daftari.bash: $(B)/bin/daftari
	@mkdir -p $(@D) && $< completion bash > $@.new && mv $@.new $@

# mode|file|where it goes, one a line: install puts it there under a temporary name and renames, uninstall removes it
define INSTALLED
$(foreach f,$(filter-out %/daftarid,$(PROGRAMS)),0755|$(f)|$(bindir)/$(notdir $(f)))
$(foreach f,$(filter %/daftarid,$(PROGRAMS)),0755|$(f)|$(sbindir)/daftarid)
0644|$(LIB_SO)|$(libdir)/libdaftari.so.$(VERSION)
0644|$(LIB_A)|$(libdir)/libdaftari.a
0644|client/include/daftari/daftari.h|$(includedir)/daftari/daftari.h
0644|$(B)/install/daftari.pc|$(libdir)/pkgconfig/daftari.pc
$(foreach f,$(SCHEMAS),0644|$(f)|$(schemadir)/$(notdir $(f)))
$(foreach f,$(MANUALS),0644|$(f)|$(mandir)/man$(subst .,,$(suffix $(f)))/$(notdir $(f)))
0644|$(B)/install/daftarid.service|$(unitdir)/daftarid.service
0644|server/app/daftari.sysusers|$(sysusersdir)/daftari.conf
0644|server/app/daftari.conf|$(docdir)/daftari.conf
$(foreach f,$(COMPLETION),0644|$(f)|$(completiondir)/daftari)
0644|README.md|$(docdir)/README.md
0644|CHANGES.md|$(docdir)/CHANGES.md
$(foreach f,$(DOCS),0644|$(f)|$(docdir)/$(f))
$(foreach f,$(sort $(wildcard client/examples/*.c)),0644|$(f)|$(docdir)/examples/$(notdir $(f)))
endef
INSTALLED_ROWS := $(foreach row,$(INSTALLED),$(if $(wildcard $(word 2,$(subst |, ,$(row))))$(filter $(B)/%,$(word 2,$(subst |, ,$(row)))),$(row)))
SO_LINKS := $(libdir)/libdaftari.so.$(SOVERSION) $(libdir)/libdaftari.so

install: all $(FILLED) ## install below $(DESTDIR)$(prefix): programs, library, manuals, unit, completion
	@set -e; for row in $(foreach row,$(INSTALLED_ROWS),'$(row)'); do \
	    IFS='|'; set -- $$row; unset IFS; to='$(DESTDIR)'$$3; \
	    install -D -m "$$1" "$$2" "$$to.new"; mv -f "$$to.new" "$$to"; done
	@for link in $(SO_LINKS); do ln -sf libdaftari.so.$(VERSION) '$(DESTDIR)'$$link; done
	@[ -n '$(DESTDIR)' ] || ldconfig
	@echo 'installed below $(DESTDIR)$(prefix)'
uninstall: ## remove what install put there (configuration and data stay)
	@rm -f $(foreach row,$(INSTALLED_ROWS),'$(DESTDIR)$(word 3,$(subst |, ,$(row)))') $(addprefix $(DESTDIR),$(SO_LINKS))
	@rmdir '$(DESTDIR)$(includedir)/daftari' '$(DESTDIR)$(schemadir)' \
	    $(foreach d,$(sort $(dir $(DOCS)) examples/),'$(DESTDIR)$(docdir)/$(d)') '$(DESTDIR)$(docdir)' 2>/dev/null; :
dist: ## the source as build/daftari-VERSION.tar.gz
	@mkdir -p build && git archive --format=tar --prefix=daftari-$(VERSION)/ HEAD | gzip -9n > build/daftari-$(VERSION).tar.gz
distcheck: dist ## build the archive twice in different folders: both install the same bytes
	@tests/support/run $(if $(TALLY),--tally $(TALLY)) --seconds 1800 tools/dev/distcheck
.PHONY: install uninstall dist distcheck

clean: ## remove build/
	rm -rf build
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18
	@echo; echo 'with VARIANT=asan, tsan or debug: the same with sanitizers or for a debugger, as in make VARIANT=asan check;'
	@echo 'with T=text: check-unit runs the tests whose path contains it (docs/testing.md)'
.PHONY: clean help

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
