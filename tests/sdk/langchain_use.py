"""Run by test_langchain.py where LangChain is installed."""

import asyncio
import sys

import mmhie
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from mmhie.langchain import ChatMMHIE

model = ChatMMHIE(max_tokens=64)
prompt = ChatPromptTemplate.from_messages([("human", "How is {what} treated?")])
answer = (prompt | model.bind(stop=["END"])).invoke({"what": "croup"})
assert answer.content == "Rest."
assert answer.response_metadata["notices"] == [{"id": "MED101"}]
assert answer.additional_kwargs == {"reasoning_content": "Hm."}
assert answer.usage_metadata["total_tokens"] == 2
sys.stdout.write(answer.response_metadata["disclaimer"])

pieces = list(model.stream([SystemMessage("Be brief."), HumanMessage("And at night?")]))
assert [piece.content for piece in pieces if piece.content] == ["Two", " words."], pieces
whole = pieces[0]
for piece in pieces[1:]:
    whole = whole + piece
assert whole.response_metadata["disclaimer"]
known, request_id = [{"id": "MED101"}], whole.response_metadata["request_id"]
assert pieces[0].response_metadata == {"notices": known, "request_id": request_id}
assert whole.response_metadata["notices"] == known

for missing in ("bind_tools", "with_structured_output"):
    told = ""
    try:
        getattr(model, missing)([])
    except NotImplementedError as error:
        told = str(error)
    assert "ChatOpenAI" in told

elsewhere = ChatMMHIE(config=mmhie.LLMConfig(url="http://other.invalid", api_key="hunter2"))
assert elsewhere.dict() != ChatMMHIE().dict()  # or LangChain's cache would mix them up
assert "hunter2" not in elsewhere.model_dump_json() + repr(elsewhere)

turns = [HumanMessage("How?"), AIMessage("Rest."), HumanMessage("What else?")]
assert [piece.content for piece in model.stream(turns) if piece.content] == ["And water."]


async def later() -> None:
    assert (await model.ainvoke("When?")).content == "Later."
    said = [piece.content async for piece in model.astream("When?")]
    assert "".join(said) == "Later, in pieces."
    held = None
    try:
        await model.ainvoke("When?")
    except mmhie.HeldError as error:
        held = error.message
    assert held == "Under repair."


asyncio.run(later())
