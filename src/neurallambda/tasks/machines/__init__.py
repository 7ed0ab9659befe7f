"""Any exact machine as a task: does it accept a string, what may come next, and what does it write?"""
