@echo -off
echo SHELL-UP
setvar LabSeen -guid 5ce0a8e2-3f3c-4d4b-9c2c-0c6ab1f1c0de > NUL
if %lasterror% eq 0x0 then
  echo SECOND-BOOT
  setvar LabSeen -guid 5ce0a8e2-3f3c-4d4b-9c2c-0c6ab1f1c0de
else
  echo FIRST-BOOT
  setvar LabSeen -guid 5ce0a8e2-3f3c-4d4b-9c2c-0c6ab1f1c0de -bs -rt -nv =S"persistent"
  setvar LabSeen -guid 5ce0a8e2-3f3c-4d4b-9c2c-0c6ab1f1c0de
endif
setvar SecureBoot -guid 8be4df61-93ca-11d2-aa0d-00e098032b8c
setvar SetupMode -guid 8be4df61-93ca-11d2-aa0d-00e098032b8c
echo SHELL-END
