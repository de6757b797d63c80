@echo -off
echo SHELL-UP
echo SHELL-END
